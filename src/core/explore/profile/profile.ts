import { unwrapped } from '../../cloud-events/unwrap.js';
import { recordBytes } from '../../model.js';
import type { Clock } from '../../ports/clock.js';
import type { EventLog } from '../../ports/event-log.js';
import { parsePayload } from '../../publish/payload.js';
import type { ActiveTopic } from '../../topics/topic.js';
import { newestRanges, readNewest } from '../newest.js';
import type { FieldProfile } from './field.js';
import { Fields } from './fields.js';

export const profileLimits = {
  /** Records, most and by default. */
  last: 1_000_000,
  defaultLast: 10_000,
  /** Of one read, and of all. */
  bytesPerRead: 256 * 1024,
  bytes: 128 * 1024 * 1024,
  /** Of one step backwards. */
  records: 500,
  /** The whole profile, from its start. */
  milliseconds: 10_000,
  /** CPU at a time, before others get their turn. */
  turnMs: 4,
} as const;

/** What a topic's newest events look like. */
export interface Profile {
  readonly topic: string;
  /** How many records were looked at. */
  readonly records: number;
  /** How many of them are JSON: the others have no fields. */
  readonly events: number;
  readonly notJson: number;
  readonly tombstones: number;
  readonly bytes: number;
  /** The offsets that were looked at, from the first up to the one before `to`, newest first within a partition. */
  readonly ranges: readonly { readonly partition: number; readonly from: number; readonly to: number }[];
  /** What ended it before it had looked at all that was asked for. Undefined: nothing did. */
  readonly cut: 'bytes' | 'time' | undefined;
  /** Whether it holds everything that the topic retains. */
  readonly all: boolean;
  readonly fields: readonly FieldProfile[];
  /** Values at places that were not followed: beyond 1,000 paths, 32 levels, or paths of 1,000 characters. */
  readonly valuesLeft: number;
  readonly elapsedMs: number;
}

/**
 * Looks at the newest records of a topic, of each partition its newest, and says what is in them. It reads from the ends backwards, 128 MiB and 10 s at
 * most, and gives others their turn every 4 ms or so; only a single large payload is parsed in one go. Throws LOG_UNAVAILABLE, TOPIC_NOT_FOUND.
 */
export async function profileTopic(
  { log, clock }: { readonly log: EventLog; readonly clock: Clock },
  topic: ActiveTopic,
  last: number,
  signal: AbortSignal,
): Promise<Profile> {
  const started = clock.now();
  const { ranges: wanted, all } = await newestRanges(log, topic, topic.settings.partitions, last);
  const fields = new Fields();
  const ranges: { readonly partition: number; readonly from: number; to: number }[] = [];
  const count = { records: 0, events: 0, notJson: 0, tombstones: 0, bytes: 0 };
  let cut: Profile['cut'];
  let turn = clock.now();

  async function pause(): Promise<void> {
    if (clock.now() - turn < profileLimits.turnMs) return;
    await clock.sleep(0, signal);
    turn = clock.now();
  }

  async function look(value: Uint8Array | null): Promise<void> {
    if (value === null) {
      count.tombstones++;
      return;
    }
    const parsed = parsePayload(value);
    if (!('document' in parsed)) {
      count.notJson++;
      return;
    }
    count.events++;
    for (const _ of fields.add(parsed.document)) await pause();
  }

  const steps = { step: profileLimits.records, bytes: profileLimits.bytesPerRead };
  slices: for await (const { partition, from, to, records } of readNewest(log, topic, wanted, steps, signal)) {
    const range = extended(ranges, partition, from);
    turn = clock.now();
    for (const record of records) {
      await look(unwrapped(record).value);
      await pause();
      count.records++;
      count.bytes += recordBytes(record);
      range.to = record.offset + 1;
      if (count.bytes >= profileLimits.bytes) cut = 'bytes';
      else if (clock.now() - started >= profileLimits.milliseconds) cut = 'time';
      if (cut) break slices;
    }
    range.to = to;
  }
  return {
    topic: topic.name,
    ...count,
    ranges: joined(ranges),
    cut,
    all: all && cut === undefined,
    fields: count.events === 0 ? [] : fields.profiles(),
    valuesLeft: fields.left,
    elapsedMs: Math.round(clock.now() - started),
  };
}

interface OpenRange {
  readonly partition: number;
  readonly from: number;
  to: number;
}

/** The range that a slice from this offset on goes on with, or a new one. */
function extended(ranges: OpenRange[], partition: number, from: number): OpenRange {
  const last = ranges.at(-1);
  if (last?.partition === partition && last.to === from) return last;
  const range = { partition, from, to: from };
  ranges.push(range);
  return range;
}

/** By partition, newest first; steps that touch are one. */
function joined(ranges: readonly OpenRange[]): Profile['ranges'] {
  const found: OpenRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.partition - b.partition || b.from - a.from)) {
    const before = found.at(-1);
    if (before?.partition === range.partition && range.to === before.from)
      found[found.length - 1] = { ...range, to: before.to };
    else if (range.to > range.from) found.push(range);
  }
  return found;
}
