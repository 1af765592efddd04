import { type Command, InvalidArgumentError } from 'commander';
import type { MainstemClient, Position } from '../../client/index.js';
import { type GlobalOptions, withClient } from '../connect.js';
import type { Io } from '../io.js';
import { outputOption } from '../output-option.js';
import type { OutputOptions } from '../print.js';
import { placeIn, wholeNumber } from '../values.js';
import {
  deleteSubscriber,
  listParked,
  listSubscribers,
  type ResetOptions,
  resetSubscriber,
  seekSubscriber,
  settleParked,
  showParked,
  showSubscriber,
} from './actions.js';
import { addCommit } from './commit.js';

export function addSubscribers(program: Command, io: Io): void {
  const subscribers = program
    .command('subscribers')
    .summary('list, show, reset and delete subscribers; their lag and parked records')
    .description('Operates durable subscribers.');
  const run = (command: Command, work: (client: MainstemClient) => Promise<void>) =>
    withClient(io, command.optsWithGlobals<GlobalOptions>(), 'connect', work);

  subscribers
    .command('list')
    .description('Lists the subscribers, with streams, lag and last commit.')
    .addOption(outputOption())
    .action((options: OutputOptions, command: Command) =>
      run(command, (client) => listSubscribers(io, client, options)),
    );

  for (const [name, part, description] of [
    ['show', 'all', 'Tells all about one subscriber: its streams, what they own, and how far they are.'],
    ['lag', 'lag', 'How far a subscriber is behind, by partition, in records and in time.'],
  ] as const) {
    subscribers
      .command(name)
      .description(description)
      .argument('<name>')
      .addOption(outputOption())
      .action((subscriber: string, options: OutputOptions, command: Command) =>
        run(command, (client) => showSubscriber(io, client, subscriber, part, options)),
      );
  }

  subscribers
    .command('reset')
    .description('Moves a subscriber, also backwards. Refused while streams are connected, unless --force.')
    .argument('<name>')
    .requiredOption('--to <start>', 'earliest, latest, a time (2026-01-31T09:30:00Z, or -15m), or a cursor', (text) =>
      placeIn(text),
    )
    .option('--topic <topic>', 'this topic alone; default: all that it has positions in')
    .option('--partition <n>', 'this partition alone; may be repeated', collect(wholeNumber(0)))
    .option('--dry-run', 'only tell what would be done')
    .option('--force', 'also while streams are connected: they are fenced, and come back at the new positions')
    .addOption(outputOption())
    .action((subscriber: string, options: ResetOptions, command: Command) =>
      run(command, (client) => resetSubscriber(io, client, subscriber, options)),
    );

  subscribers
    .command('seek')
    .description('Moves a subscriber to an offset of one partition.')
    .argument('<name>')
    .argument('<position>', 'topic/partition/offset', position)
    .option('--dry-run', 'only tell what would be done')
    .option('--force', 'also while streams are connected: they are fenced, and come back at the new position')
    .addOption(outputOption())
    .action((subscriber: string, place: Position, options: ResetOptions, command: Command) =>
      run(command, (client) => seekSubscriber(io, client, subscriber, place, options)),
    );

  subscribers
    .command('delete')
    .description('Forgets a subscriber: where it is, and its parked records.')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .option('--force', 'also while streams are connected: they are fenced')
    .addOption(outputOption())
    .action(
      (
        subscriber: string,
        options: OutputOptions & { readonly yes?: boolean; readonly force?: boolean },
        command: Command,
      ) => run(command, (client) => deleteSubscriber(io, client, subscriber, options)),
    );

  addCommit(subscribers, io, run);
  addParked(subscribers, io, run);
}

function addParked(
  subscribers: Command,
  io: Io,
  run: (command: Command, work: (client: MainstemClient) => Promise<void>) => Promise<void>,
): void {
  const parked = subscribers
    .command('parked')
    .description('Records that a consumer could not handle and has put aside.');

  parked
    .command('list')
    .description('Lists parked records, oldest first.')
    .argument('<name>')
    .option('--limit <n>', 'at most so many, up to 1000', wholeNumber(1, 1000), 100)
    .addOption(outputOption())
    .action((name: string, options: OutputOptions & { readonly limit: number }, command: Command) =>
      run(command, (client) => listParked(io, client, name, options)),
    );

  parked
    .command('show')
    .description('Prints the payload of a parked record.')
    .argument('<name>')
    .argument('<position>', 'topic/partition/offset, as list prints it', position)
    .addOption(outputOption())
    .action((name: string, place: Position, options: OutputOptions, command: Command) =>
      run(command, (client) => showParked(io, client, name, place, options)),
    );

  for (const [action, description] of [
    ['redrive', 'Sends parked records to this subscriber again, and to nobody else.'],
    ['discard', 'Gives parked records up.'],
  ] as const) {
    parked
      .command(action)
      .description(description)
      .argument('<name>')
      .argument('[positions...]', 'topic/partition/offset, as list prints them', collect(position))
      .option('--all', 'all of them')
      .addOption(outputOption())
      .action(
        (
          name: string,
          positions: readonly Position[] | undefined,
          options: OutputOptions & { readonly all?: boolean },
          command: Command,
        ) => run(command, (client) => settleParked(io, client, action, name, positions ?? [], options)),
      );
  }
}

/** `orders/0/17`. */
function position(text: string): Position {
  const [, topic, partition, offset] = /^([^/]+)\/(\d+)\/(\d+)$/.exec(text) ?? [];
  if (topic !== undefined && offset !== undefined)
    return { topic, partition: Number(partition), offset: BigInt(offset) };
  throw new InvalidArgumentError('A position is topic/partition/offset, such as orders/0/17.');
}

/** For options and arguments that may be repeated. */
function collect<T>(parse: (text: string) => T): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before) => [...(before ?? []), parse(text)];
}
