import { keyBefore, partitionKey, readBatchKey } from './batch-key.js';
import type { SpaceLimit } from './space-limit.js';
import type { Store } from './store.js';
import type { Partition } from './topic.js';
import { numberKey } from './topic-catalog.js';
import { whenCommitted } from './when-committed.js';

/** Removes what is no longer wanted, in small transactions between the appends. What a crash interrupts is found again at the next start. */
export interface Cleaner {
  /** The partition's start has moved. */
  truncated(partition: Partition): void;
  /** The topic with this number is no more. */
  deleted(topicNumber: number): void;
  /** Stops after the transaction in flight. */
  close(): Promise<void>;
}

const BATCHES_PER_TRANSACTION = 200;
const RETRY_MS = 1_000;
const cleanedKey = Buffer.from('cleaned');

type Job = () => Promise<void>;

export function cleaner(store: Store, space: SpaceLimit): Cleaner {
  const jobs = new Map<string, Job>();
  let closed = false;
  let running: Promise<void> | undefined;
  let retry: NodeJS.Timeout | undefined;

  const remove = (keys: readonly Uint8Array[], more: readonly { database: Store['starts']; key: Uint8Array }[] = []) =>
    whenCommitted(store.queue, {
      bytes: 100 * keys.length,
      plan: () => [
        ...keys.map((key) => ({ database: store.batches, key, value: null })),
        ...more.map(({ database, key }) => ({ database, key, value: null })),
      ],
      committed: () => undefined,
    });

  /** Removes the batches between two keys, except those that reach `until` or beyond. */
  const removeRange = async (start: Uint8Array, end: Uint8Array, until: number): Promise<void> => {
    while (!closed) {
      const keys: Uint8Array[] = [];
      for (const key of store.batches.getKeys({ start, end, limit: BATCHES_PER_TRANSACTION })) {
        const { baseOffset, count } = readBatchKey(key);
        if (baseOffset + count > until) break;
        keys.push(key);
      }
      if (keys.length > 0) await remove(keys);
      if (keys.length < BATCHES_PER_TRANSACTION) return;
    }
  };

  /** LMDB uses pages again two transactions after the one that freed them; appends that fail do not count. */
  const makeReusable = async (): Promise<void> => {
    for (let i = 0; i < 2; i++) {
      await whenCommitted(store.queue, {
        bytes: 10,
        plan: () => [{ database: store.meta, key: cleanedKey, value: Buffer.from(`${i}`) }],
        committed: () => undefined,
      });
    }
  };

  const run = async (): Promise<void> => {
    for (const [name, job] of jobs) {
      if (closed) break;
      jobs.delete(name);
      try {
        await job();
        if (space.isFull()) await makeReusable();
        space.freed();
      } catch {
        // No room for removing either, or the store refuses: keep the job, and leave the disk alone for a while.
        jobs.set(name, job);
        retry = setTimeout(start, RETRY_MS).unref();
        break;
      }
    }
    running = undefined;
  };

  const start = (): void => {
    if (closed || running !== undefined || jobs.size === 0) return;
    clearTimeout(retry);
    running = run();
  };

  const submit = (name: string, job: Job): void => {
    jobs.set(name, job);
    start();
  };

  return {
    truncated(partition) {
      const { topic, number } = partition;
      const first = keyBefore(topic.number, number, 0);
      submit(`partition ${topic.number}/${number}`, () =>
        removeRange(first, keyBefore(topic.number, number, partition.earliest), partition.earliest),
      );
    },
    deleted(topicNumber) {
      submit(`topic ${topicNumber}`, async () => {
        const first = keyBefore(topicNumber, 0, 0);
        const last = keyBefore(topicNumber + 1, 0, 0);
        await removeRange(first, last, Number.POSITIVE_INFINITY);
        if (closed) return;
        const range = { start: partitionKey(topicNumber, 0), end: partitionKey(topicNumber + 1, 0) };
        const starts = [...store.starts.getKeys(range)].map((key) => ({ database: store.starts, key }));
        const epochs = [...store.epochs.getKeys(range)].map((key) => ({ database: store.epochs, key }));
        await remove([], [...starts, ...epochs, { database: store.deleted, key: numberKey(topicNumber) }]);
      });
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      await running;
    },
  };
}
