import { partitionKey } from './batch-key.js';
import type { Store } from './store.js';
import type { EpochStart, Partition } from './topic.js';
import { whenCommitted } from './when-committed.js';
import type { Mutation } from './write-queue.js';

/**
 * The epochs of an embedded log. Each start of a process on a directory is an epoch. Its number is written before anything else, and with its first append to a partition the
 * offset of that append. A directory that was restored from an older copy has lost the epochs since, and so every position that was taken in them is recognised.
 *
 * Numbers are the time of the start in milliseconds with ten random bits: they grow, and two copies of a directory never make the same one.
 */
export interface Epochs {
  /** The epoch that positions are marked with; undefined while it could not be written, on a full disk. */
  readonly current: number | undefined;
  /** What an append at `offset` has to write with its batch; nothing once the partition has records of this epoch. */
  begin(partition: Partition, offset: number): Mutation[];
  /** What `begin` returned is written. */
  begun(partition: Partition): void;
  /** See `EventLog.divergence`. */
  divergence(partition: Partition, offset: number, epoch: number): number | undefined;
}

/** How many starts are kept, of the directory and of each partition. Positions from before them are taken for good. */
const mostStarts = 1_000;
const mostStartsEach = 200;
const startsKey = Buffer.from('epochs');

/** Begins an epoch: durable when this resolves. Without room on the disk positions carry none. */
export async function beginEpoch(store: Store, now: number, random: number): Promise<Epochs> {
  const before = readNumbers(store.meta.getBinary(startsKey));
  const wanted = now * 1024 + Math.floor(random * 1024);
  const epoch = Math.max(wanted, (before.at(-1) ?? 0) + 1);
  const all = [...before, epoch].slice(-mostStarts);
  const isWritten = await whenCommitted(store.queue, {
    bytes: all.length * 8,
    plan: () => [{ database: store.meta, key: startsKey, value: writeNumbers(all) }],
    committed: () => undefined,
  }).then(
    () => true,
    () => false,
  );
  return epochsOf(store, epoch, all, isWritten);
}

function epochsOf(store: Store, epoch: number, all: readonly number[], isWritten: boolean): Epochs {
  const known = new Set(all);

  function startsOf(partition: Partition): EpochStart[] {
    partition.epochs ??= readStarts(store.epochs.getBinary(keyOf(partition)));
    return partition.epochs;
  }

  return {
    current: isWritten ? epoch : undefined,
    begin(partition, offset) {
      if (partition.hasEpoch) return [];
      const starts = startsOf(partition);
      // An append that failed has left it there: nothing was stored since.
      if (starts.at(-1)?.epoch !== epoch) starts.push({ epoch, first: offset });
      // What retention has removed needs no epoch, but for the one that the first record left belongs to.
      while (starts.length > 1 && (starts[1]?.first ?? 0) <= partition.earliest) starts.shift();
      while (starts.length > mostStartsEach) starts.shift();
      return [{ database: store.epochs, key: keyOf(partition), value: writeStarts(starts) }];
    },
    begun(partition) {
      partition.hasEpoch = true;
    },
    divergence(partition, offset, taken) {
      const starts = startsOf(partition);
      const later = starts.find((each) => each.epoch > taken);
      // A start that this directory knows nothing of was lost with its records, and later ones may have smaller numbers if the clock was set back.
      const isLost = taken >= (all[0] ?? 0) && !known.has(taken);
      const end = later?.first ?? (isLost ? starts.at(-1)?.first : undefined) ?? partition.next;
      return offset > end ? end : undefined;
    },
  };
}

const keyOf = ({ topic, number }: Partition) => partitionKey(topic.number, number);

function writeNumbers(numbers: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafeSlow(numbers.length * 8);
  for (const [i, number] of numbers.entries()) bytes.writeDoubleBE(number, i * 8);
  return bytes;
}

function readNumbers(value: Uint8Array | undefined): number[] {
  if (value === undefined) return [];
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: Math.floor(value.length / 8) }, (_, i) => view.getFloat64(i * 8));
}

const writeStarts = (starts: readonly EpochStart[]) =>
  writeNumbers(starts.flatMap(({ epoch, first }) => [epoch, first]));

function readStarts(value: Uint8Array | undefined): EpochStart[] {
  const numbers = readNumbers(value);
  return Array.from({ length: Math.floor(numbers.length / 2) }, (_, i) => {
    return { epoch: numbers[2 * i] ?? 0, first: numbers[2 * i + 1] ?? 0 };
  });
}
