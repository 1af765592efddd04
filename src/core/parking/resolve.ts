import { BusError } from '../errors.js';
import { type LogRecord, recordBytes } from '../model.js';
import { offsetPath, readOffsetRecord } from '../offsets/records.js';
import type { Coordination } from '../ports/coordination.js';
import type { EventLog } from '../ports/event-log.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { ParkedEntry, ParkedFold, ParkedState } from './fold.js';
import type { RecordPosition, Selection } from './parking.js';
import { type Origin, readParked, redrivenRecord, resolutionRecord } from './records.js';
import type { ParkingTopics } from './topics.js';

/** So many records are sent again, or given up, per step; a step that a crash interrupts is done again. */
const recordsPerStep = 100;
const bytesPerStep = 4 * 1024 * 1024;
const readBytes = 1024 * 1024;

export interface ResolvePorts {
  readonly coordination: Coordination;
  readonly log: EventLog;
  readonly parkingTopics: ParkingTopics;
  readonly fold: ParkedFold;
}

/** The entries that a selection names, oldest first. PARKED_RECORD_NOT_FOUND where one of them is not parked. */
export function select(state: ParkedState, selection: Selection): ParkedEntry[] {
  const entries = inOrder(state);
  if (selection === 'all') return entries;
  const wanted = new Map(selection.map((position) => [placeOf(position), position]));
  const found = entries.filter((entry) => wanted.has(placeOf(entry)));
  const places = new Set(found.map(placeOf));
  for (const [place, position] of wanted) if (!places.has(place)) throw notParked(position);
  return found;
}

/** By the time of parking. */
export function inOrder({ entries }: ParkedState): ParkedEntry[] {
  return [...entries.values()].sort((a, b) => a.parkedOffset - b.parkedOffset);
}

export function placeOf({ topic, partition, offset }: RecordPosition): string {
  return `${topic}/${partition}/${offset}`;
}

export function notParked({ topic, partition, offset }: RecordPosition): BusError {
  return new BusError(
    'PARKED_RECORD_NOT_FOUND',
    `the record at offset ${offset} in partition ${partition} of ${topic} is not parked, or not any more`,
    { metadata: { topic, partition: String(partition), offset: String(offset) } },
  );
}

/** Reads parked records with what stands beside them; those that stand close together in one read. */
export function createParkedReader(log: EventLog, parkedTopic: ActiveTopic) {
  let slice: ReadonlyMap<number, LogRecord> = new Map();

  return async (entry: ParkedEntry) => {
    if (!slice.has(entry.parkedOffset)) {
      const result = await log.read(parkedTopic, 0, entry.parkedOffset, readBytes);
      slice = new Map(result.outcome === 'ok' ? result.records.map((record) => [record.offset, record]) : []);
    }
    const record = slice.get(entry.parkedOffset);
    const parked = record && readParked(record.headers);
    // Somebody else has resolved it in this moment.
    if (!record || !parked) throw notParked(entry);
    return { record, parked };
  };
}

/** Gives entries up, in steps. */
export async function discardEntries(
  ports: ResolvePorts,
  parkedTopic: ActiveTopic,
  state: ParkedState,
  entries: readonly ParkedEntry[],
): Promise<void> {
  for (let at = 0; at < entries.length; at += recordsPerStep) {
    await resolve(ports, parkedTopic, 'discarded', state, entries.slice(at, at + recordsPerStep));
  }
  await truncate(ports, parkedTopic);
}

/** Sends entries again, in steps: each is first appended to the redrive topic, then resolved. A crash in between sends it twice. */
export async function redriveEntries(
  ports: ResolvePorts,
  parkedTopic: ActiveTopic,
  redriveTopic: ActiveTopic,
  state: ParkedState,
  entries: readonly ParkedEntry[],
): Promise<void> {
  const { log, parkingTopics } = ports;
  let step: { entry: ParkedEntry; again: ReturnType<typeof redrivenRecord> }[] = [];
  let bytes = 0;
  const send = async () => {
    if (step.length === 0) return;
    const sent = step;
    step = [];
    bytes = 0;
    await parkingTopics.append(
      redriveTopic,
      sent.map(({ again }) => again),
    );
    await resolve(
      ports,
      parkedTopic,
      'redriven',
      state,
      sent.map(({ entry }) => entry),
    );
  };
  const read = createParkedReader(log, parkedTopic);
  for (const entry of entries) {
    const { record, parked } = await read(entry);
    const again = redrivenRecord(record, parked);
    step.push({ entry, again });
    bytes += recordBytes(again);
    if (step.length >= recordsPerStep || bytes >= bytesPerStep) await send();
  }
  await send();
  await truncate(ports, parkedTopic);
}

/** What has been sent again and committed is not needed any more: the redrive topic does not grow for ever. */
export async function trimRedriven(
  { coordination, log }: ResolvePorts,
  subscriber: string,
  topic: ActiveTopic,
): Promise<void> {
  const { name, incarnation } = topic;
  const entry = await coordination.get(offsetPath(subscriber, name, 0));
  const record = entry && readOffsetRecord(entry.value);
  if (record?.incarnation === incarnation && record.next > 0) await log.truncateBefore(topic, 0, record.next);
}

async function resolve(
  { parkingTopics }: ResolvePorts,
  parkedTopic: ActiveTopic,
  outcome: 'redriven' | 'discarded',
  { next }: ParkedState,
  positions: readonly Origin[],
): Promise<void> {
  await parkingTopics.append(parkedTopic, [resolutionRecord({ outcome, before: next, positions })]);
}

/** Cuts the parked topic below the first record that is parked still. */
async function truncate({ log, fold }: ResolvePorts, parkedTopic: ActiveTopic): Promise<void> {
  const state = await fold.read(parkedTopic);
  const [first] = inOrder(state);
  const { earliest } = await log.bounds(parkedTopic, 0);
  const upTo = first?.parkedOffset ?? state.next;
  if (upTo > earliest) await log.truncateBefore(parkedTopic, 0, upTo);
}
