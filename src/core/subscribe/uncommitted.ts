import type { Delivery } from './frames.js';

/**
 * The records that a stream has sent and that are not committed yet, by partition. It holds runs of records, not records: what has no holes costs
 * a few numbers, however much it is. Counts are exact as long as at most 1,000 runs of a partition are open, and 100,000 numbers are held for
 * runs with holes and for sizes; beyond that a run is released in proportion to how far it is committed.
 */
export interface Uncommitted {
  readonly records: number;
  readonly bytes: number;
  /** A frame was sent. `keyOf` names a partition. The records of a partition stand together. */
  sent(deliveries: readonly Delivery[], keyOf: (partition: number) => string): void;
  /** Everything before this offset of a partition is committed. Returns how many records that releases. */
  committed(key: string, next: number): number;
  /** The partitions of which something is uncommitted. */
  keys(): Iterable<string>;
  /** Forgets the partitions that are not the stream's any more. */
  keep(isHeld: (key: string) => boolean): void;
}

export interface UncommittedOptions {
  /** Whether bytes are asked for: their sum costs a step per record. */
  readonly countsBytes: boolean;
  /** Whether runs with holes are counted exactly. */
  readonly isExact: boolean;
}

/** Records that were sent one after the other, from the first one that is not committed. */
interface Run {
  first: number;
  end: number;
  records: number;
  bytes: number;
  /** By record, from `at` on; undefined where it follows from the offsets, or is not known any more. */
  offsets: readonly number[] | undefined;
  sizes: readonly number[] | undefined;
  at: number;
}

const mostRuns = 1_000;
const mostNumbers = 100_000;

export function createUncommitted({ countsBytes, isExact }: UncommittedOptions): Uncommitted {
  const runs = new Map<string, Run[]>();
  let records = 0;
  let bytes = 0;
  /** How many numbers the runs hold in their lists. */
  let numbers = 0;

  function release(run: Run, count: number, size: number): void {
    run.records -= count;
    run.bytes -= size;
    records -= count;
    bytes -= size;
  }

  function forget(run: Run): void {
    numbers -= (run.offsets?.length ?? 0) + (run.sizes?.length ?? 0);
    release(run, run.records, run.bytes);
  }

  function add(key: string, sent: readonly Delivery[]): void {
    const run = runOf(sent);
    records += run.records;
    bytes += run.bytes;
    const list = runs.get(key);
    const last = list?.at(-1);
    if (!list || !last) runs.set(key, [run]);
    else if (hasNoHoles(last) && hasNoHoles(run) && last.end === run.first && !countsBytes) extend(last, run);
    else if (list.length >= mostRuns) {
      numbers -= (last.offsets?.length ?? 0) + (last.sizes?.length ?? 0);
      extend(last, run);
      last.offsets = undefined;
      last.sizes = undefined;
    } else list.push(run);
    const kept = runs.get(key)?.at(-1) === run ? run : undefined;
    numbers += (kept?.offsets?.length ?? 0) + (kept?.sizes?.length ?? 0);
  }

  function runOf(sent: readonly Delivery[]): Run {
    const first = sent[0]?.record.offset ?? 0;
    const end = (sent.at(-1)?.record.offset ?? first) + 1;
    const hasRoom = numbers + 2 * sent.length <= mostNumbers;
    const needsOffsets = isExact && hasRoom && end - first !== sent.length;
    const sizes = countsBytes ? sent.map((delivery) => delivery.bytes) : undefined;
    return {
      first,
      end,
      records: sent.length,
      bytes: sizes?.reduce((sum, size) => sum + size, 0) ?? 0,
      offsets: needsOffsets ? sent.map(({ record }) => record.offset) : undefined,
      sizes: hasRoom ? sizes : undefined,
      at: 0,
    };
  }

  /** Releases the records of a run that lie before an offset inside of it. */
  function shorten(run: Run, next: number): number {
    const share = (next - run.first) / (run.end - run.first);
    let count = Math.floor(run.records * share);
    if (hasNoHoles(run)) count = next - run.first;
    else if (run.offsets) count = indexOf(run.offsets, next) - run.at;
    let size = Math.floor(run.bytes * share);
    if (run.sizes) size = run.sizes.slice(run.at, run.at + count).reduce((sum, each) => sum + each, 0);
    release(run, count, size);
    run.first = next;
    run.at += count;
    return count;
  }

  return {
    get records() {
      return records;
    },
    get bytes() {
      return bytes;
    },
    sent(deliveries, keyOf) {
      for (let from = 0; from < deliveries.length; ) {
        const partition = deliveries[from]?.partition ?? 0;
        const to = endOf(deliveries, from, partition);
        add(keyOf(partition), from === 0 && to === deliveries.length ? deliveries : deliveries.slice(from, to));
        from = to;
      }
    },
    committed(key, next) {
      const list = runs.get(key);
      if (!list) return 0;
      const before = records;
      const open = list.findIndex(({ end }) => end > next);
      for (const run of list.splice(0, open < 0 ? list.length : open)) forget(run);
      const [head] = list;
      if (!head) runs.delete(key);
      else if (head.first < next) shorten(head, next);
      return before - records;
    },
    keys: () => runs.keys(),
    keep(isHeld) {
      for (const [key, list] of runs) {
        if (isHeld(key)) continue;
        for (const run of list) forget(run);
        runs.delete(key);
      }
    },
  };
}

const hasNoHoles = ({ first, end, records }: Run) => end - first === records;

function extend(run: Run, { end, records, bytes }: Run): void {
  run.end = end;
  run.records += records;
  run.bytes += bytes;
}

/** The index after the last record of a partition, whose records stand together: found in a few steps, not one per record. */
function endOf(deliveries: readonly Delivery[], from: number, partition: number): number {
  if (deliveries.at(-1)?.partition === partition) return deliveries.length;
  let low = from;
  let high = deliveries.length - 1;
  while (low + 1 < high) {
    const middle = (low + high) >>> 1;
    if (deliveries[middle]?.partition === partition) low = middle;
    else high = middle;
  }
  return high;
}

/** The index of the first offset that is not smaller. */
function indexOf(offsets: readonly number[], next: number): number {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] ?? next) < next) low = middle + 1;
    else high = middle;
  }
  return low;
}
