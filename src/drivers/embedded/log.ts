import { BusError } from '../../core/errors.js';
import { statusNamed } from '../../core/ports/dependency.js';
import type { EventLog } from '../../core/ports/event-log.js';
import { nameOf, type TopicRef } from '../../core/ports/topic-ref.js';
import { appendBatch } from './append.js';
import { freshCopies, lentCopies } from './batch-format.js';
import { partitionKey, readBits } from './batch-key.js';
import { cleaner } from './cleaner.js';
import type { Epochs } from './epochs.js';
import { firstOffsetWhere, readRange, retainedBytes, startRecord } from './partition.js';
import { keepRetention } from './retention.js';
import { spaceLimit } from './space-limit.js';
import type { Store } from './store.js';
import { openTail } from './tail.js';
import type { Partition } from './topic.js';
import { describe, topicCatalog } from './topic-catalog.js';
import { whenCommitted } from './when-committed.js';

export interface EmbeddedLogOptions {
  /**
   * How many bytes of the data file records may take, in whole pages; beyond, appends fail with STORAGE_FULL
   * (what is in flight at that moment may still be stored). Default: as many as the disk has.
   */
  readonly maxBytes?: number | undefined;
  /** Milliseconds since 1970. Default: Date.now. */
  readonly clock?: (() => number) | undefined;
  /** How often retention is applied, in milliseconds. Default 30,000. */
  readonly retentionIntervalMs?: number | undefined;
}

/** How many bytes to read before other work gets its turn. */
const BYTES_PER_TURN = 2 * 1024 * 1024;

/** The records of a read share memory in pieces of about so much: an allocation for each costs more than the rest of reading it. */
const together = 64 * 1024;
const fresh = freshCopies(together);

/** The event log on an open store, which it releases on `close`. */
export function embeddedLog(store: Store, epochs: Epochs, options: EmbeddedLogOptions): EventLog {
  const clock = options.clock ?? Date.now;
  const space = spaceLimit(store, options.maxBytes ?? Number.POSITIVE_INFINITY);
  const clean = cleaner(store, space);
  const catalog = topicCatalog(store, (topic) => {
    for (const partition of topic.partitions) for (const follower of [...partition.followers]) follower.deleted();
    clean.deleted(topic.number);
  });
  const tails = new Set<{ close(): Promise<void> }>();
  let closed: Promise<void> | undefined;
  let bytesThisTurn = 0;

  /** The partition, or the error that says why not. */
  const find = (topic: TopicRef, partition: number): Partition => {
    if (closed !== undefined) throw isClosed();
    return catalog.partition(nameOf(topic), partition);
  };

  const truncate = async (partition: Partition, offset: number): Promise<void> => {
    let start = partition.earliest;
    await whenCommitted(store.queue, {
      bytes: 100,
      plan() {
        start = Math.min(offset, partition.next);
        if (start <= partition.earliest || partition.topic.gone) return [];
        const key = partitionKey(partition.topic.number, partition.number);
        return [{ database: store.starts, key, value: startRecord(partition, start) }];
      },
      committed() {
        if (start <= partition.earliest || partition.topic.gone) return;
        partition.earliest = start;
        clean.truncated(partition);
        for (const follower of [...partition.followers]) follower.truncated();
      },
    });
  };

  /** Sees to it that reads in a row, each answered at once, do not keep the event loop to themselves. */
  const takeTurn = async (): Promise<void> => {
    if (bytesThisTurn === 0) setImmediate(() => (bytesThisTurn = 0));
    if (bytesThisTurn >= BYTES_PER_TURN) await new Promise<void>((resolve) => setImmediate(resolve));
  };

  for (const topic of catalog.all()) {
    for (const partition of topic.partitions) if (partition.earliest > 0) clean.truncated(partition);
  }
  for (const key of store.deleted.getKeys({ start: Buffer.from([0]) })) clean.deleted(readBits(key, 0, 4));
  const stopRetention = keepRetention(store, catalog.all, truncate, {
    intervalMs: options.retentionIntervalMs ?? 30_000,
    clock,
  });

  const open = <T>(work: () => Promise<T>): Promise<T> => (closed === undefined ? work() : Promise.reject(isClosed()));

  return {
    driver: 'embedded',
    status: statusNamed(`embedded log ${store.directory}`, store.status),
    createTopic: (topic, settings) => open(() => catalog.create(topic, settings)),
    updateTopic: (topic, settings) => open(() => catalog.update(topic, settings)),
    deleteTopic: (topic, check) =>
      open(async () => {
        check?.();
        await catalog.delete(topic);
      }),
    describeTopic: (name) =>
      open(async () => {
        const topic = catalog.find(name);
        return topic === undefined ? undefined : describe(topic);
      }),
    listTopics: () =>
      open(async () => {
        const names = [...catalog.all()].filter((topic) => !topic.gone).map((topic) => topic.name);
        return names.filter((name) => !name.startsWith('__'));
      }),
    topicFacts: (names) =>
      open(async () => {
        const found = names.flatMap((name) => catalog.find(name) ?? []);
        return new Map(found.map((topic) => [topic.name, describe(topic)]));
      }),
    // Its topics change through the bus alone, and have no ids.
    onTopicFacts: () => () => undefined,
    async append(topic, partition, records, isWanted) {
      if (isWanted?.() === false) throw BusError.topicDeleted(nameOf(topic));
      return await appendBatch(store, space, find(topic, partition), records, clock, epochs);
    },
    openTail(sink) {
      if (closed !== undefined) throw isClosed();
      const tail = openTail(store, catalog, epochs, sink);
      tails.add(tail);
      return {
        ...tail,
        close() {
          tails.delete(tail);
          return tail.close();
        },
      };
    },
    async read(topic, number, from, maxBytes, signal, memory) {
      await takeTurn();
      signal?.throwIfAborted();
      const result = readRange(
        store,
        find(topic, number),
        from,
        maxBytes,
        memory ? lentCopies(memory, together) : fresh,
      );
      bytesThisTurn += 1024;
      if (result.outcome === 'ok')
        for (const record of result.records) bytesThisTurn += 100 + (record.value?.length ?? 0);
      const { current: epoch } = epochs;
      return result.outcome === 'ok' && memory ? { ...result, epoch, borrowed: true } : { ...result, epoch };
    },
    async bounds(topic, number) {
      const { earliest, next } = find(topic, number);
      return { earliest, highWatermark: next, epoch: epochs.current };
    },
    async divergence(topic, number, offset, epoch) {
      return epochs.divergence(find(topic, number), offset, epoch);
    },
    async offsetForTime(topic, number, timestamp) {
      return firstOffsetWhere(store, find(topic, number), (facts) => facts.timestamp >= timestamp);
    },
    async size(topic) {
      if (closed !== undefined) throw isClosed();
      return catalog.require(nameOf(topic)).partitions.map((partition) => retainedBytes(store, partition));
    },
    async truncateBefore(topic, number, offset) {
      await truncate(find(topic, number), offset);
    },
    close() {
      closed ??= (async () => {
        stopRetention();
        for (const tail of tails) await tail.close();
        await clean.close();
        await store.queue.idle();
        store.taken.delete('log');
        await store.release();
      })();
      return closed;
    },
  };
}

const isClosed = () => new BusError('LOG_UNAVAILABLE', 'the event log is closed');
