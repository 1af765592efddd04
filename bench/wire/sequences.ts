import { readPublisher, readSequence } from '../events.js';

/** What was read back, and what was wrong with it. */
export interface ReadBack {
  readonly records: number;
  /** Sequence numbers that came more than once. */
  readonly duplicates: number;
  /** Sequence numbers of a publisher that did not grow within a partition. Calls that are in flight together have no order among them. */
  readonly outOfOrder: number;
  /** Offsets that did not follow each other. */
  readonly skips: number;
}

/** Checks records as they come: numbers come once and, for each publisher, grow within a partition; offsets have no holes. */
export function sequenceCheck(): {
  add(partition: number, offset: number, bytes: Uint8Array, payloadAt: number): void;
  result(): ReadBack;
} {
  const last = new Map<number, number>();
  const offsets: number[] = [];
  const seen = new Set<number>();
  let records = 0;
  let outOfOrder = 0;
  let skips = 0;
  return {
    add(partition, offset, bytes, payloadAt) {
      records++;
      const publisher = readPublisher(bytes, payloadAt);
      const key = partition * 100 + publisher;
      const sequence = readSequence(bytes, payloadAt);
      seen.add(sequence * 100 + publisher);
      const before = last.get(key);
      if (before !== undefined && sequence <= before) outOfOrder++;
      last.set(key, sequence);
      const expected = offsets[partition];
      if (expected !== undefined && offset !== expected) skips++;
      offsets[partition] = offset + 1;
    },
    result: () => ({ records, duplicates: records - seen.size, outOfOrder, skips }),
  };
}
