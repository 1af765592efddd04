import { BusError } from '../errors.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { EventLog, LogTail, Slice, TailSink } from '../ports/event-log.js';
import type { TopicRef } from '../ports/topic-ref.js';
import type { ActiveTopic } from '../topics/topic.js';
import { type ChunkReader, createChunkReader } from './chunks.js';
import { toDeliveries } from './delivery.js';
import { createRing, type Ring } from './ring.js';

/** One partition as this process follows it, for all its streams. */
export interface PartitionFeed {
  readonly partition: number;
  readonly ring: Ring;
  earliest: number;
  highWatermark: number;
  /** Positions are marked with it; see `EventLog.divergence`. */
  epoch: number | undefined;
  /** Each time that the log has lost records while it was followed: the first offset that may be another one's now, and the epoch before. In order. */
  readonly truncations: { readonly at: number; readonly before: number | undefined; readonly since: number }[];
}

/** A topic that is being followed. */
export interface TopicFeed {
  readonly topic: string;
  readonly incarnation: string;
  readonly logId: string | undefined;
  readonly chunks: ChunkReader;
  readonly partitions: readonly PartitionFeed[];
  /** How many streams follow it. */
  readonly users: number;
  /** Set once the topic is found to be gone from the log. */
  readonly failure: BusError | undefined;
  /** Follows the topic as it is now, with partitions that were added. Throws LOG_UNAVAILABLE, TOPIC_NOT_READY. */
  grow(topic: ActiveTopic): Promise<void>;
  /** Calls back with each partition that has moved, or undefined where the topic failed, until the returned function is called. */
  listen(moved: (partition: number | undefined) => void): () => void;
}

/** Follows each topic that has streams by one reader per partition, whatever their number. */
export interface Hub {
  /** Starts to follow a topic, or joins in; `release` ends it. Throws LOG_UNAVAILABLE, TOPIC_NOT_FOUND. */
  follow(topic: ActiveTopic): Promise<{ readonly feed: TopicFeed; release(): void }>;
  /** The epoch that a position is to be marked with, which a client names without one; undefined where the partition is not followed. */
  epochOf(topic: Pick<ActiveTopic, 'name' | 'incarnation'>, partition: number, next: number): number | undefined;
  /** How far a partition reaches at least, if it is being followed. */
  highWatermark(topic: ActiveTopic, partition: number): number | undefined;
  close(): Promise<void>;
}

/**
 * What all rings of a process hold at most together, and up to twice as much in encoded form; one holds at most 2 MiB. Each may keep 16 KiB beside that alive,
 * which its oldest record shares memory with.
 */
const ringsBytes = 32 * 1024 * 1024;
const ringBytes = 2 * 1024 * 1024;
/** How long a topic is followed after its last stream has left: streams that reconnect should find it warm. */
const lingerMs = 5_000;
/** For so long after a truncation a position past it may still come from a client that has not heard of it. */
const lateCommitsMs = 60_000;

interface Followed extends TopicFeed {
  readonly partitions: PartitionFeed[];
  readonly listeners: Set<(partition: number | undefined) => void>;
  logId: string | undefined;
  failure: BusError | undefined;
  users: number;
  linger: Timer | undefined;
}

export function createHub(log: EventLog, clock: Clock): Hub {
  const followed = new Map<string, Followed>();
  const chunks = createChunkReader(log, clock);
  let rings = 0;
  let tail: LogTail | undefined;

  const share = () => Math.min(ringBytes, ringsBytes / Math.max(1, rings));

  function feedOf(topic: string, partition: number): PartitionFeed | undefined {
    return followed.get(topic)?.partitions[partition];
  }

  function onSlice(topic: string, partition: number, slice: Slice): void {
    const feed = feedOf(topic, partition);
    if (!feed) return;
    feed.earliest = slice.earliest;
    feed.highWatermark = slice.highWatermark;
    if (slice.epoch !== undefined) feed.epoch = Math.max(slice.epoch, feed.epoch ?? 0);
    feed.ring.push(toDeliveries(partition, slice.records), slice.nextOffset);
    feed.ring.trim(share());
    tellAll(topic, partition);
  }

  function onStopped(topic: string, partition: number, why: Parameters<TailSink['stopped']>[2]): void {
    const topicFeed = followed.get(topic);
    const feed = topicFeed?.partitions[partition];
    if (!topicFeed || !feed) return;
    if (why.outcome === 'deleted') {
      topicFeed.failure = new BusError('TOPIC_DELETED', `${topic} has been deleted from the log`);
      tellAll(topic, undefined);
    } else {
      // Streams find out by themselves what that means for their own positions: a gap, or CURSOR_AHEAD.
      feed.earliest = why.earliest;
      feed.highWatermark = why.highWatermark;
      let from = why.outcome === 'expired' ? why.earliest : why.highWatermark;
      if (why.outcome === 'truncated') {
        from = Math.min(why.highWatermark, Math.max(why.earliest, why.at));
        feed.truncations.push({ at: from, before: feed.epoch, since: clock.now() });
        chunks.forget(topicFeed);
      }
      if (why.epoch !== undefined) feed.epoch = why.epoch;
      feed.ring.reset(from);
      tail?.add(refOf(topicFeed), partition, from, feed.epoch);
      tellAll(topic, partition);
    }
  }

  function tellAll(topic: string, partition: number | undefined): void {
    for (const moved of followed.get(topic)?.listeners ?? []) moved(partition);
  }

  function start(topic: ActiveTopic): Followed {
    const { name } = topic;
    const partitions: PartitionFeed[] = [];
    const listeners: Followed['listeners'] = new Set();
    let growing: Promise<void> | undefined;
    const result: Followed = {
      topic: name,
      incarnation: topic.incarnation,
      logId: topic.logId,
      chunks,
      partitions,
      listeners,
      failure: undefined,
      users: 0,
      linger: undefined,
      async grow({ logId, settings }) {
        if (result.logId !== logId) identify(result, logId);
        // One attempt for all who wait: while the log is away they would otherwise wait for each other's, one after the other.
        while (partitions.length < settings.partitions) {
          growing ??= addPartitions(result, settings.partitions).finally(() => {
            growing = undefined;
          });
          await growing;
        }
      },
      listen(moved) {
        listeners.add(moved);
        return () => listeners.delete(moved);
      },
    };
    followed.set(name, result);
    return result;
  }

  /** The log's id of this life has become known. */
  function identify(feed: Followed, logId: string | undefined): void {
    feed.logId = logId;
    for (const { partition, ring, epoch } of feed.partitions) tail?.add(refOf(feed), partition, ring.next, epoch);
  }

  async function addPartitions(feed: Followed, count: number): Promise<void> {
    const first = feed.partitions.length;
    const added = await Promise.all(
      Array.from({ length: Math.max(0, count - first) }, async (_, i): Promise<PartitionFeed> => {
        const { earliest, highWatermark, epoch } = await log.bounds(refOf(feed), first + i);
        const ring = createRing(highWatermark);
        return { partition: first + i, ring, earliest, highWatermark, epoch, truncations: [] };
      }),
    );
    if (followed.get(feed.topic) !== feed) throw feed.failure ?? BusError.topicDeleted(feed.topic);
    tail ??= log.openTail({ slice: onSlice, stopped: onStopped });
    for (const partition of added) {
      feed.partitions.push(partition);
      rings++;
      tail.add(refOf(feed), partition.partition, partition.ring.next, partition.epoch);
    }
    for (const each of followed.values()) for (const { ring } of each.partitions) ring.trim(share());
  }

  function stop(feed: Followed): void {
    feed.linger?.close();
    if (followed.get(feed.topic) !== feed) return;
    followed.delete(feed.topic);
    rings -= feed.partitions.length;
    for (const { partition } of feed.partitions) tail?.remove(feed.topic, partition);
    chunks.forget(feed);
  }

  return {
    async follow(topic) {
      let feed = followed.get(topic.name);
      if (feed && (feed.incarnation !== topic.incarnation || feed.failure)) {
        stop(feed);
        feed = undefined;
      }
      const mine = feed ?? start(topic);
      mine.users++;
      mine.linger?.close();
      let released = false;
      const release = () => {
        if (released) return;
        released = true;
        if (--mine.users > 0) return;
        mine.linger = clock.setTimeout(() => stop(mine), lingerMs).unref();
      };
      try {
        // A topic that is followed already may have got partitions since.
        await mine.grow(topic);
      } catch (error) {
        // Others may be using it.
        release();
        throw error;
      }
      return { feed: mine, release };
    },
    epochOf({ name, incarnation }, partition, next) {
      const found = followed.get(name);
      const feed = found?.incarnation === incarnation ? found.partitions[partition] : undefined;
      const lost = feed?.truncations.at(-1);
      const isLate = lost !== undefined && next > lost.at && clock.now() - lost.since < lateCommitsMs;
      return isLate ? lost.before : feed?.epoch;
    },
    highWatermark(topic, partition) {
      const feed = followed.get(topic.name);
      return feed?.incarnation === topic.incarnation ? feed.partitions[partition]?.highWatermark : undefined;
    },
    async close() {
      for (const feed of [...followed.values()]) {
        feed.failure ??= new BusError('SHUTTING_DOWN', 'the server is shutting down; connect again');
        stop(feed);
      }
      await tail?.close();
    },
  };
}

function refOf({ topic, logId }: Followed): TopicRef {
  return { name: topic, logId };
}
