import { unwrapped } from '../cloud-events/unwrap.js';
import type { Evidence, RefusedEvent } from '../compatibility/report.js';
import { encodeCursor } from '../cursor.js';
import { readHeaders } from '../event-headers.js';
import { newestRanges, readNewest } from '../explore/newest.js';
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
  /** Offsets of one step, bytes of one read, which is validated before the next. */
  step: 1_000,
  bytes: 512 * 1024,
  /** All that one call reads. */
  totalBytes: 256 * 1024 * 1024,
  milliseconds: 20_000,
  examples: 10,
} as const;

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
  const { ranges, ends, all } = await newestRanges(log, topic, settings.partitions, most);
  const examples: RefusedEvent[] = [];
  let events = 0;
  let refused = 0;
  let bytes = 0;
  let cut = false;

  const cursorAt = (partition: number, offset: number) =>
    encodeCursor([
      { topic, incarnation, positions: ends.map((end, other) => [other, other === partition ? offset : end]) },
    ]);

  for await (const slice of readNewest(log, topic, ranges, limits, signal)) {
    const { partition } = slice;
    const step = slice.records.map(unwrapped).filter(hasValue);
    const explained = limits.examples - examples.length;
    const request = { ...unlimited, topic, definition, payloads: step.map(({ value }) => value), explained };
    const refusals = step.length === 0 ? [] : await judge.validate(request, signal);
    const counted = refusals.filter(({ reason }) => reason === 'SCHEMA_VIOLATION');
    events += step.length - (refusals.length - counted.length);
    refused += counted.length;
    bytes += step.reduce((sum, record) => sum + recordBytes(record), 0);
    for (const refusal of counted.slice(0, explained)) examples.push(exampleOf(refusal, step, partition, cursorAt));
    cut = bytes > limits.totalBytes || clock.now() - started > limits.milliseconds;
    if (cut) break;
  }
  return { events, refused, examples, complete: all && !cut };
}

/** Evidence is about the schema: the topic's other rules may have changed since. */
const unlimited = { maxEventBytes: Number.POSITIVE_INFINITY, keyPointer: undefined, needsKey: false };

type ValueRecord = LogRecord & { readonly value: Uint8Array };

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
