import { LRUCache } from 'lru-cache';
import PQueue from 'p-queue';
import type { Clock } from '../ports/clock.js';
import { isLogAway } from './log-away.js';

/** How many reads are on their way at once; the others wait in line. */
const concurrentReads = 8;
/** A read that takes longer, because its broker is away, makes room for the next one; */
const slowMs = 1_000;
/** but not for more than so many, as each may come back with a chunk. */
const mostReads = 64;
/** How many partitions that cannot be read are kept in mind. */
const mostAiling = 10_000;

/** Lets reads of the log go in fair turns, so that partitions which cannot be read do not hold up those which can. */
export interface ReadTurns {
  /** Reads when it is its turn. Of a partition that was unavailable one read at a time tries again; the others share its failure. */
  run<T>(partition: string, read: () => Promise<T>): Promise<T>;
}

export function createReadTurns(clock: Clock): ReadTurns {
  const all = new PQueue({ concurrency: mostReads });
  const quick = new PQueue({ concurrency: concurrentReads });
  /** Partitions that could not be read the last time, each with the read that tries again, if one does. */
  const ailing = new LRUCache<string, { probe: Promise<unknown> | undefined }>({
    // Counted as a size, since room for `max` entries would be taken at once.
    maxSize: mostAiling,
    sizeCalculation: () => 1,
  });

  async function inTurn<T>(read: () => Promise<T>): Promise<T> {
    const { result } = await quick.add(async () => {
      const reading = read();
      await settledOrSlow(clock, reading);
      // In an object, so that nobody waits for it here.
      return { result: reading };
    });
    return result;
  }

  return {
    async run(partition, read) {
      for (let probe = ailing.get(partition)?.probe; probe; probe = ailing.get(partition)?.probe) await probe;
      const reading = all.add(() => inTurn(read));
      const trouble = ailing.get(partition);
      if (trouble) trouble.probe = reading;
      try {
        const result = await reading;
        ailing.delete(partition);
        return result;
      } catch (error) {
        if (isLogAway(error)) ailing.set(partition, { probe: undefined });
        else ailing.delete(partition);
        throw error;
      }
    },
  };
}

function settledOrSlow(clock: Clock, reading: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      timer.close();
      resolve();
    };
    const timer = clock.setTimeout(done, slowMs);
    reading.then(done, done);
  });
}
