import { type Command, InvalidArgumentError, Option } from 'commander';
import type { TopicChoice } from '../../client/index.js';
import { type GlobalOptions, withClient } from '../connect.js';
import { type Io, isTty } from '../io.js';
import { UsageError } from '../usage-error.js';
import { placeIn, startFrom, wholeNumber } from '../values.js';
import { runTail, type TailOptions } from './run.js';

export function addTail(program: Command, io: Io): void {
  program
    .command('tail')
    .summary('print the records of topics, live or from any point')
    .description(
      'Prints the records of topics. Control messages, and at the end the cursor to go on from, are on stderr.',
    )
    .argument('<topics...>', "the topic; or several, or a pattern such as 'orders.*'")
    .option(
      '--from <start>',
      'earliest, latest, a time (2026-01-31T09:30:00Z, or -15m for 15 minutes ago), offsets (0:4711,1:12, as partition:offset), or a cursor; default: latest, or for a new subscriber earliest',
      (text) => startFrom(text),
    )
    .option('--subscriber <name>', 'a durable subscriber: goes on where it stopped, and commits what was written')
    .option('--partition <n...>', 'only these partitions of one topic; not with --subscriber', partitionNumbers)
    .option(
      '--until <end>',
      'where to end: the same as for --from, without offsets; a time to come waits for it',
      placeIn,
    )
    .option('--filter <cel>', "only records for which this is true, as in payload.age > 30 && key.startsWith('a')")
    .option(
      '--fields <pointers>',
      'only these parts of the payloads: JSON Pointers, as in /id,/customer/name',
      pointers,
    )
    .option('--sample <share>', 'only this share of the records, as in 0.01: always the same ones', shareOf)
    .option('--limit <n>', 'end after so many records', wholeNumber(1))
    .option('--no-follow', 'end once everything that is there has been printed')
    .option('--no-reconnect', 'end when the server stops or the connection breaks')
    .addOption(
      new Option('--output <format>', 'pretty for people, json for one object per line')
        .choices(['pretty', 'json'])
        .default(isTty(io.stdout) ? 'pretty' : 'json', 'pretty on a terminal, else json'),
    )
    .option('--data-only', 'print the payloads alone, each on a line')
    .addOption(
      new Option('--on-expired <what>', 'if retention has removed what the cursor asks for')
        .choices(['fail', 'skip'])
        .default('fail'),
    )
    .addHelpText(
      'after',
      `
Examples:
  $ mainstem tail orders
  $ mainstem tail orders --from earliest --no-follow --data-only > orders.ndjson
  $ mainstem tail orders --from -15m --output json | jq .data
  $ mainstem tail orders --subscriber warehouse
  $ mainstem tail orders --partition 1 --from 1:4711
  $ mainstem tail orders --from -1d --until latest --filter 'payload.total > 100' --fields /id,/total
  $ mainstem tail 'orders.*' --output json`,
    )
    .action(async (topics: readonly string[], options: TailOptions, command: Command) => {
      await withClient(io, command.optsWithGlobals<GlobalOptions>(), 'grpc', (client) =>
        runTail(io, client, topicChoice(topics), options),
      );
    });
}

const partitionNumber = wholeNumber(0, 2 ** 31 - 1);

function partitionNumbers(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, ...text.split(',').map(partitionNumber)];
}

/** Pointers one after the other, with commas between them: what begins a pointer is a slash. */
function pointers(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(/,(?=\/|$)/)];
}

function shareOf(text: string): number {
  const share = /^(\d+(\.\d*)?|\.\d+)(e-\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (share > 0 && share <= 1) return share;
  throw new InvalidArgumentError('It takes a number above 0 and up to 1, such as 0.01.');
}

function topicChoice(topics: readonly string[]): TopicChoice {
  const [first = ''] = topics;
  const patterns = topics.filter((topic) => topic.includes('*'));
  if (patterns.length === 0) return topics.length === 1 ? { topic: first } : { topics };
  if (topics.length === 1) return { pattern: first };
  throw new UsageError('a pattern stands alone: name several topics, or one pattern');
}
