import type { Evidence, RefusedEvent } from '../compatibility/report.js';
import { encodeCursor } from '../cursor.js';
import { readHeaders } from '../event-headers.js';
import { type LogRecord, recordBytes } from '../model.js';
import type { Clock } from '../ports/clock.js';
import type { EventLog } from '../ports/event-log.js';
import type { Refusal, SchemaJudge } from '../ports/schema-judge.js';
import type { TopicVersions } from '../topics/versions.js';

export interface EvidencePorts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly judge: SchemaJudge;
}

const limits = {
  /** Offsets of one step; what is read of them is validated before the next. */
  offsets: 1_000,
  bytesPerRead: 512 * 1024,
  /** All that one call reads. */
  bytes: 256 * 1024 * 1024,
  milliseconds: 20_000,
  examples: 10,
} as const;

/** One partition, from its end backwards. */
interface Range {
  readonly partition: number;
  /** The oldest offset that is wanted. */
  readonly first: number;
  /** What is below is still to be read. */
  end: number;
}

/**
 * Validates the newest retained events of a topic against a proposed schema: of each partition its newest, so many in all. Reads step by step from
 * the ends backwards, so that what was looked at is the newest part whenever a limit ends it. Records that are not JSON (other producers') and
 * tombstones are passed over. Throws LOG_UNAVAILABLE, SCHEMA_INVALID.
 */
export async function gatherEvidence(
  { log, judge, clock }: EvidencePorts,
  { topic, incarnation, settings }: TopicVersions,
  definition: string,
  most: number,
  signal: AbortSignal,
): Promise<Evidence> {
  const started = clock.now();
  const { ranges, ends, all } = await rangesOf(log, topic, settings.partitions, most);
  const examples: RefusedEvent[] = [];
  let events = 0;
  let refused = 0;
  let bytes = 0;
  let cut = false;

  const cursorAt = (partition: number, offset: number) =>
    encodeCursor([
      { topic, incarnation, positions: ends.map((end, other) => [other, other === partition ? offset : end]) },
    ]);

  for (let open = ranges; open.length > 0 && !cut; open = open.filter(({ end, first }) => end > first)) {
    for (const range of open) {
      signal.throwIfAborted();
      const to = range.end;
      range.end = Math.max(range.first, to - limits.offsets);
      const step = await readStep(log, topic, range.partition, range.end, to, signal);
      const explained = limits.examples - examples.length;
      const request = { ...unlimited, topic, definition, payloads: step.map(({ value }) => value), explained };
      const refusals = step.length === 0 ? [] : await judge.validate(request, signal);
      const counted = refusals.filter(({ reason }) => reason === 'SCHEMA_VIOLATION');
      events += step.length - (refusals.length - counted.length);
      refused += counted.length;
      bytes += step.reduce((sum, record) => sum + recordBytes(record), 0);
      for (const refusal of counted.slice(0, explained))
        examples.push(exampleOf(refusal, step, range.partition, cursorAt));
      cut ||= bytes > limits.bytes || clock.now() - started > limits.milliseconds;
      if (cut) break;
    }
  }
  return { events, refused, examples, complete: all && !cut };
}

/** Evidence is about the schema: the topic's other rules may have changed since. */
const unlimited = { maxEventBytes: Number.POSITIVE_INFINITY, keyPointer: undefined };

type ValueRecord = LogRecord & { readonly value: Uint8Array };

async function readStep(
  log: EventLog,
  topic: string,
  partition: number,
  from: number,
  to: number,
  signal: AbortSignal,
): Promise<ValueRecord[]> {
  const records: ValueRecord[] = [];
  for (let at = from; at < to; ) {
    const slice = await log.read(topic, partition, at, limits.bytesPerRead, signal);
    if (slice.outcome !== 'ok') {
      // Retention was faster; or the topic is a new one, which has no such events.
      if (slice.outcome === 'ahead') return records;
      at = slice.earliest;
      continue;
    }
    for (const record of slice.records) if (record.offset < to && hasValue(record)) records.push(record);
    if (slice.nextOffset <= at) return records;
    at = slice.nextOffset;
  }
  return records;
}

function hasValue(record: LogRecord): record is ValueRecord {
  return record.value !== null;
}

function exampleOf(
  { event, violations }: Refusal,
  step: readonly ValueRecord[],
  partition: number,
  cursorAt: (partition: number, offset: number) => string,
): RefusedEvent {
  const record = step[event];
  if (record === undefined) throw new TypeError(`a refusal of event ${event} of ${step.length}`);
  const { schemaVersion } = readHeaders(record.headers);
  return { cursor: cursorAt(partition, record.offset), partition, offset: record.offset, schemaVersion, violations };
}

/** Which offsets of which partitions: everything if that is not too much; else each partition has an equal share, and what it does not need the others get. */
async function rangesOf(log: EventLog, topic: string, partitions: number, most: number) {
  const bounds = await Promise.all(Array.from({ length: partitions }, (_, partition) => log.bounds(topic, partition)));
  const retained = bounds.map(({ earliest, highWatermark }) => highWatermark - earliest);
  let left = most;
  const shares = new Map<number, number>();
  const smallestFirst = [...retained.keys()].sort((a, b) => (retained[a] ?? 0) - (retained[b] ?? 0));
  for (const [index, partition] of smallestFirst.entries()) {
    const share = Math.min(retained[partition] ?? 0, Math.ceil(left / (partitions - index)));
    shares.set(partition, share);
    left -= share;
  }
  const ranges = bounds
    .map(({ highWatermark }, partition): Range => {
      return { partition, first: highWatermark - (shares.get(partition) ?? 0), end: highWatermark };
    })
    .filter(({ first, end }) => end > first);
  const all = retained.every((count, partition) => shares.get(partition) === count);
  return { ranges, ends: bounds.map(({ highWatermark }) => highWatermark), all };
}
