import { asJson, type MainstemClient, type Place, type Position, type ResetTo } from '../../client/index.js';
import { type Io, note, writeOut } from '../io.js';
import { confirm, type OutputOptions, print, printJson } from '../print.js';
import { safeText } from '../safe-text.js';
import { UsageError } from '../usage-error.js';
import { plural } from '../values.js';
import { lagTable, parkedTable, resetText, subscriberDetails, subscribersTable } from './view.js';

export interface ResetOptions extends OutputOptions {
  readonly to: Place;
  readonly topic?: string;
  readonly partition?: readonly number[];
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

export async function listSubscribers(io: Io, client: MainstemClient, options: OutputOptions): Promise<void> {
  const subscribers = await client.subscribers.list({ signal: io.interrupted });
  if (options.output === 'json') await printJson(io, subscribers.map(asJson));
  else if (subscribers.length === 0) note(io, 'no subscribers yet: `mainstem tail TOPIC --subscriber NAME` makes one');
  else await print(io, subscribersTable(subscribers));
}

/** @param part all about the subscriber, or its positions alone */
export async function showSubscriber(
  io: Io,
  client: MainstemClient,
  name: string,
  part: 'all' | 'lag',
  options: OutputOptions,
): Promise<void> {
  const details = await client.subscribers.get(name, { signal: io.interrupted });
  if (options.output === 'json') return printJson(io, asJson(details));
  await print(io, part === 'all' ? subscriberDetails(details) : lagTable(details));
}

export async function resetSubscriber(
  io: Io,
  client: MainstemClient,
  subscriber: string,
  { to, topic, partition, dryRun = false, force = false, output }: ResetOptions,
): Promise<void> {
  await moved(io, client, { subscriber, topic, partitions: partition, to, dryRun, force }, output);
}

export async function seekSubscriber(
  io: Io,
  client: MainstemClient,
  subscriber: string,
  place: Position,
  { dryRun = false, force = false, output }: Omit<ResetOptions, 'to' | 'topic' | 'partition'>,
): Promise<void> {
  const { topic, partition, offset } = place;
  await moved(io, client, { subscriber, topic, partitions: [partition], to: { offset }, dryRun, force }, output);
}

async function moved(
  io: Io,
  client: MainstemClient,
  input: {
    readonly subscriber: string;
    readonly topic: string | undefined;
    readonly partitions: readonly number[] | undefined;
    readonly to: ResetTo;
    readonly dryRun: boolean;
    readonly force: boolean;
  },
  output: OutputOptions['output'],
): Promise<void> {
  if (input.partitions !== undefined && input.topic === undefined) throw new UsageError('--partition needs --topic');
  const answer = await client.subscribers.reset(input, { signal: io.interrupted });
  await (output === 'json' ? printJson(io, asJson(answer)) : print(io, resetText(answer, input.dryRun)));
}

export async function deleteSubscriber(
  io: Io,
  client: MainstemClient,
  subscriber: string,
  { yes = false, force = false, output }: OutputOptions & { readonly yes?: boolean; readonly force?: boolean },
): Promise<void> {
  if (!yes) await confirm(io, subscriber, `forgets where ${subscriber} is, and its parked records`);
  await client.subscribers.delete({ subscriber, force }, { signal: io.interrupted });
  await (output === 'json' ? printJson(io, { deleted: subscriber }) : print(io, `deleted ${safeText(subscriber)}`));
}

export async function listParked(
  io: Io,
  client: MainstemClient,
  subscriber: string,
  options: OutputOptions & { readonly limit: number },
): Promise<void> {
  const answer = await client.subscribers.listParked({ subscriber, limit: options.limit }, { signal: io.interrupted });
  if (options.output === 'json') return printJson(io, asJson(answer));
  const total = Number(answer.total ?? 0n);
  if (total === 0) return note(io, `${safeText(subscriber)} has no parked records`);
  await print(io, parkedTable(answer.records));
  if (total > answer.records.length) note(io, `… of ${plural(total, 'parked record')} in all (--limit shows more)`);
}

/** Prints the payload alone, byte for byte, on stdout; what is known of it on stderr. */
export async function showParked(
  io: Io,
  client: MainstemClient,
  subscriber: string,
  position: Position,
  options: OutputOptions,
): Promise<void> {
  const answer = await client.subscribers.getParked({ subscriber, position }, { signal: io.interrupted });
  if (options.output === 'json') return printJson(io, asJson(answer));
  note(io, `parked after ${plural(answer.parked?.attempts ?? 0, 'attempt')}: ${safeText(answer.parked?.reason ?? '')}`);
  await writeOut(io.stdout, answer.record?.jsonBytes ?? new Uint8Array(0));
  await writeOut(io.stdout, '\n');
}

export async function settleParked(
  io: Io,
  client: MainstemClient,
  action: 'redrive' | 'discard',
  subscriber: string,
  positions: readonly Position[],
  { all = false, output }: OutputOptions & { readonly all?: boolean },
): Promise<void> {
  if (all === positions.length > 0) throw new UsageError('name positions as `list` prints them, or say --all');
  const which = all ? { all: true as const } : { positions };
  const count = Number(await client.subscribers[action]({ subscriber, ...which }, { signal: io.interrupted }));
  const done = action === 'redrive' ? 'redriven' : 'discarded';
  await (output === 'json' ? printJson(io, { [done]: count }) : print(io, `${plural(count, 'record')} ${done}`));
}
