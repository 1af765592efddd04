import type { AppendRecord, LogRecord } from '../model.js';
import type { DependencyStatus } from './dependency.js';
import type { TopicRef } from './topic-ref.js';

/**
 * Topics of partitions of records. What every driver promises:
 *
 * - An append is acknowledged only when it is durable, survives `kill -9` from then on, and gets consecutive offsets.
 *   Appends to a partition that are issued one after the other keep that order.
 * - A record's timestamp is when the log stored it, never decreasing within a partition (foreign Kafka topics excepted).
 * - Offsets only grow, and may skip: a read returns records *and the next offset*; a hole is not a gap.
 * - A call that names a topic with its id (`TopicRef`) never touches another one of the same name: it rejects with TOPIC_NOT_READY where the log has
 *   one with another id. A driver may take up to a second to notice that a topic was deleted and created anew with the log's own tools.
 * - Every position belongs to an epoch of its partition: a number that grows whenever the log may have lost records at its end, as after a restart or a change of
 *   the leader. A position with the epoch in which it was taken can be judged later: see `divergence`.
 * - Topic names follow Kafka's grammar; a driver may be handed only such names.
 * - Errors are `BusError`s: TOPIC_NOT_FOUND, TOPIC_ALREADY_EXISTS, TOPIC_SETTINGS_INVALID, LOG_UNAVAILABLE, STORAGE_FULL,
 *   EVENT_TOO_LARGE, INTERNAL. `append` alone also rejects with TOPIC_DELETED, and with STORE_OUTCOME_UNKNOWN: the records may be stored or not.
 *   Every other rejection of `append` means: not stored, and never will be.
 */
export interface EventLog {
  /** `embedded`, `kafka`, …: for logs and messages. */
  readonly driver: string;
  /** How the log is now. Calls while it is down fail with LOG_UNAVAILABLE within 10 s or so; they do not wait for ever. */
  readonly status: DependencyStatus;

  createTopic(topic: string, settings: LogTopicSettings): Promise<void>;
  /** Changes retention, largest event, min.insync.replicas; adds partitions. Everything else is fixed at creation. */
  updateTopic(topic: string, settings: Partial<LogTopicSettings>): Promise<void>;
  /** @param check called right before the log is told, each time: what it throws rejects, and the topic stays. */
  deleteTopic(topic: string, check?: () => void): Promise<void>;
  /** Undefined where there is no such topic. */
  describeTopic(topic: string): Promise<LogTopic | undefined>;
  /** All topics, other producers' included; internal ones (`__…`) not. */
  listTopics(): Promise<string[]>;
  /**
   * What the log knows of these topics, at most about a second old, so that it seldom has to be asked. Topics that are not there are left out.
   *
   * @param isNow asked for now: what was changed before the call is in the answer
   */
  topicFacts(topics: readonly string[], isNow?: boolean): Promise<ReadonlyMap<string, LogTopicFacts>>;
  /**
   * Calls back whenever the log has told of a topic, until the returned function is called. Of a topic in use (one that is read, appended to or
   * followed) it tells about once a second. A log whose topics only the bus changes need not tell anything.
   */
  onTopicFacts(listener: (topic: string, facts: LogTopicFacts) => void): () => void;

  /**
   * Appends one batch to one partition. At most one append per partition is in flight at a time: the caller sees to it.
   * The batch's records together stay under the topic's `maxBatchBytes`.
   *
   * A driver may send a batch again after an attempt that may have stored it, if and only if the log recognises the second copy and stores the batch once.
   * After STORE_OUTCOME_UNKNOWN it never sends the batch again, and a copy that arrives late is not stored behind a later batch.
   *
   * @param isWanted asked right before the records are handed to the store, each time: `false` rejects with TOPIC_DELETED, because the
   * topic of that name is by now another one.
   * @param patienceMs how long the caller waits: a driver that tries again ends with an error by then. Default 15,000.
   */
  append(
    topic: TopicRef,
    partition: number,
    records: readonly AppendRecord[],
    isWanted?: () => boolean,
    patienceMs?: number,
  ): Promise<Appended>;

  /**
   * Follows a changing set of partitions for the whole process; one at a time is meant to be enough. It waits out
   * trouble by itself, and shows it in `status`.
   */
  openTail(sink: TailSink): LogTail;

  /**
   * Reads a bounded range, apart from the tail. Returns at once when there is nothing at `from` yet. Returns at least one
   * record where there is one, even if it exceeds `maxBytes`.
   *
   * @param memory lent for the records' bytes, to whatever part of it a driver makes use of: the records are right until the caller writes to it,
   * or lends it again. What does not fit in it gets memory of its own.
   */
  read(
    topic: TopicRef,
    partition: number,
    from: number,
    maxBytes: number,
    signal?: AbortSignal,
    memory?: Uint8Array,
  ): Promise<ReadResult>;

  /** The first offset that is left, and the high watermark (the offset that the next record will have). */
  bounds(topic: TopicRef, partition: number): Promise<Bounds>;
  /**
   * Judges a position that was taken in an epoch. Undefined: the log holds below `offset` what it held then. Otherwise the first offset from which it may hold other records,
   * or none: it has lost some of those that it had. May be below `Bounds.earliest`. Costs a question to the leader, so ask it where a position is taken up, never for each read.
   */
  divergence(topic: TopicRef, partition: number, offset: number, epoch: number): Promise<number | undefined>;
  /** The offset of the first record stored at `timestamp` (ms) or later; the high watermark if there is none. */
  offsetForTime(topic: TopicRef, partition: number, timestamp: number): Promise<number>;
  /**
   * How many bytes each partition takes, by its number, as the log keeps it: compressed if it is, with what each batch has beside its records, one
   * replica of it. What was just truncated may count for a while still. Undefined where the log does not tell. Costs no reading of records.
   */
  size(topic: TopicRef): Promise<readonly (number | undefined)[]>;
  /** Removes the records below `offset` (clamped to the high watermark). Never goes back. */
  truncateBefore(topic: TopicRef, partition: number, offset: number): Promise<void>;

  /** Lets appends in flight finish, then releases everything. */
  close(): Promise<void>;
}

export interface LogTopicSettings {
  readonly partitions: number;
  /** Undefined: min(3, brokers); a broker that is down at the moment counts. */
  readonly replicationFactor?: number | undefined;
  /** Undefined: max(1, replication factor − 1). */
  readonly minInsyncReplicas?: number | undefined;
  /** Milliseconds; 0: for ever. A lower bound: at least so much is kept. */
  readonly retentionMs: number;
  /** Bytes per partition; 0: no limit by size. A lower bound likewise. */
  readonly retentionBytes: number;
  /** The largest payload that must fit, in bytes; the driver adds room for key and headers (at least 192 KiB). */
  readonly maxEventBytes: number;
}

/** What tells that a topic was changed outside the bus. */
export interface LogTopicFacts {
  /** Opaque; tells this topic from others of the same name, before and after it. Undefined where the log has none. */
  readonly id: string | undefined;
  readonly partitions: number;
}

/** A topic as the log has it. */
export interface LogTopic extends Required<LogTopicSettings>, LogTopicFacts {
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly minInsyncReplicas: number;
  /** How large one appended batch may be, by `recordBytes`. */
  readonly maxBatchBytes: number;
  /** Of each key only the latest record is kept. */
  readonly compacted: boolean;
  /** Timestamps come from the producers (a foreign topic), and may run backwards. */
  readonly publisherTime: boolean;
}

export interface Appended {
  readonly baseOffset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
}

export interface Bounds {
  readonly earliest: number;
  readonly highWatermark: number;
  /** An epoch that every position up to the high watermark (of a slice: up to its next offset) can be marked with. Undefined: as far as is known it is the one before. */
  readonly epoch?: number | undefined;
}

/** Records and where to go on; or why there is nothing to read at that offset. */
export type ReadResult = Slice | OutOfRange;

export interface Slice extends Bounds {
  readonly outcome: 'ok';
  readonly records: readonly LogRecord[];
  /** Where to read next: may be past the last record (holes), also without any record. */
  readonly nextOffset: number;
  /** The records' bytes, or some of them, lie in the memory that was lent to the read. */
  readonly borrowed?: boolean | undefined;
}

export interface OutOfRange extends Bounds {
  /** `expired`: below the first offset left. `ahead`: above the high watermark. */
  readonly outcome: 'expired' | 'ahead';
}

/** The log has lost records at its end; the tail followed it past them. */
export interface Truncated extends Bounds {
  readonly outcome: 'truncated';
  /** The first offset from which the log may hold other records than it did. */
  readonly at: number;
}

/** The partitions that a tail follows. */
export interface LogTail {
  /**
   * Follows a partition from an offset on; one that is followed already starts anew from there.
   *
   * @param epoch that the offset was taken in: with it the tail notices that the log has lost records before it.
   */
  add(topic: TopicRef, partition: number, from: number, epoch?: number): void;
  remove(topic: string, partition: number): void;
  close(): Promise<void>;
}

/** Where a tail delivers, synchronously: it must neither throw nor keep the caller. */
export interface TailSink {
  /**
   * The next slice: contiguous with the one before it. Comes without records too when `nextOffset`, the high watermark or
   * the first offset left has moved.
   */
  slice(topic: string, partition: number, slice: Slice): void;
  /** The partition cannot be followed from its position; it is no longer in the set. `deleted`: also where the topic was created anew. */
  stopped(topic: string, partition: number, why: OutOfRange | Truncated | { readonly outcome: 'deleted' }): void;
}
