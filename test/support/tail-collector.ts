import type { LogRecord } from '../../src/core/model.js';
import type { OutOfRange, Slice, TailSink, Truncated } from '../../src/core/ports/event-log.js';
import { until } from './until.js';

/** What a tail delivered of one partition since it was followed from some offset. */
export interface Followed {
  readonly records: LogRecord[];
  nextOffset: number | undefined;
  highWatermark: number;
  slices: number;
  stopped: OutOfRange | Truncated | { readonly outcome: 'deleted' } | undefined;
}

/** A sink that keeps everything, notes breaks of contiguity, and lets tests wait for a condition without polling. */
export interface TailCollector {
  readonly sink: TailSink;
  of(topic: string, partition: number): Followed;
  /** Forgets a partition: call it before it is followed anew. */
  forget(topic: string, partition: number): void;
  /** Resolves when the condition holds; looks again after each delivery. */
  until(condition: () => boolean): Promise<void>;
  /** Sentences about slices that were not contiguous. */
  readonly breaks: string[];
}

export function tailCollector(): TailCollector {
  const followed = new Map<string, Followed>();
  const states = until();
  const breaks: string[] = [];
  const of = (topic: string, partition: number): Followed => {
    const name = `${topic}/${partition}`;
    let entry = followed.get(name);
    if (entry === undefined) {
      entry = { records: [], nextOffset: undefined, highWatermark: -1, slices: 0, stopped: undefined };
      followed.set(name, entry);
    }
    return entry;
  };
  const slice = (topic: string, partition: number, slice: Slice) => {
    const entry = of(topic, partition);
    let expected = entry.nextOffset;
    for (const record of slice.records) {
      if (expected !== undefined && record.offset !== expected) {
        breaks.push(`${topic}/${partition}: offset ${record.offset} where ${expected} was due`);
      }
      expected = record.offset + 1;
      entry.records.push(record);
    }
    if (expected !== undefined && slice.nextOffset < expected) breaks.push(`${topic}/${partition}: went back`);
    if (slice.highWatermark < slice.nextOffset) breaks.push(`${topic}/${partition}: high watermark below the slice`);
    entry.nextOffset = slice.nextOffset;
    entry.highWatermark = slice.highWatermark;
    entry.slices += 1;
    states.changed();
  };
  return {
    breaks,
    of,
    forget: (topic, partition) => followed.delete(`${topic}/${partition}`),
    sink: {
      slice,
      stopped(topic, partition, why) {
        of(topic, partition).stopped = why;
        states.changed();
      },
    },
    until: states.until,
  };
}
