import type { Place } from '../subscribe/frames.js';

/** A subscriber, in short. */
export interface SubscriberInfo {
  readonly name: string;
  /** How many streams are connected. */
  readonly streams: number;
  /** The topics that it has positions in, by name. */
  readonly topics: readonly string[];
  /** Records that are not committed, over the partitions whose end is known; undefined where none is. */
  readonly lag: number | undefined;
  /** When it last committed, or claimed a partition. Milliseconds since 1970. */
  readonly lastCommit: number | undefined;
}

/** A connected stream. */
export interface SubscriberStream {
  readonly id: string;
  /** The instance that serves it; empty where it did not say. */
  readonly instance: string;
  readonly partitions: readonly { readonly topic: string; readonly partitions: readonly number[] }[];
  /** Undefined while it waits. */
  readonly generation: number | undefined;
  readonly readerSchemaVersion: number | undefined;
}

/** Where a subscriber is in a partition. */
export interface SubscriberPosition {
  readonly topic: string;
  readonly partition: number;
  /** The first offset that is not committed. */
  readonly next: number;
  /** Undefined, as the following three, where the log could not be asked, or has no such partition. */
  readonly earliest: number | undefined;
  readonly highWatermark: number | undefined;
  readonly lag: number | undefined;
  /** The age of the first record that is not committed; undefined too where there is none. */
  readonly lagMs: number | undefined;
  /** The stream that owns it; empty where none does. */
  readonly streamId: string;
  readonly generation: number;
  readonly lastCommit: number | undefined;
  /** Something to read, an owner, and no commit for over a minute. */
  readonly stuck: boolean;
  /** It belongs to an earlier topic of that name. */
  readonly stale: boolean;
}

export interface SubscriberDetail {
  readonly subscriber: SubscriberInfo;
  readonly streams: readonly SubscriberStream[];
  /** By topic and partition. */
  readonly positions: readonly SubscriberPosition[];
  /** Undefined where the log could not be asked. */
  readonly parked: number | undefined;
  /** When it is forgotten if it stays idle. Milliseconds since 1970; undefined: never. */
  readonly expires: number | undefined;
}

/** Where a reset leads. */
export type ResetTo = Place | { readonly at: 'offset'; readonly offset: number };

export interface ResetCommand {
  readonly subscriber: string;
  /** Undefined: all that it has positions in, or that the cursor covers. */
  readonly topic: string | undefined;
  /** Empty: all. */
  readonly partitions: readonly number[];
  readonly to: ResetTo;
  readonly dryRun: boolean;
  readonly force: boolean;
}

export interface PositionChange {
  readonly topic: string;
  readonly partition: number;
  /** Undefined where there was no position, or one of an earlier topic. */
  readonly from: number | undefined;
  readonly to: number;
}

export interface ResetOutcome {
  /** By topic and partition; positions that stay are among them. */
  readonly changes: readonly PositionChange[];
  /** How many streams were connected: they are fenced. */
  readonly fencedStreams: number;
}

/** The operation of subscribers, as transports use it. Every call may be repeated after a crash or a lost answer. */
export interface SubscriberAdmin {
  /** By name. Lag and last commit are told of the first 20,000 positions or so. */
  list(): Promise<SubscriberInfo[]>;
  /** SUBSCRIBER_NOT_FOUND. */
  get(name: string): Promise<SubscriberDetail>;
  /**
   * Moves positions: all of them, or none. Throws SUBSCRIBER_NOT_FOUND, SUBSCRIBER_ACTIVE, SUBSCRIBER_BUSY, TOPIC_NOT_FOUND, INVALID_REQUEST, CURSOR_*.
   */
  reset(command: ResetCommand): Promise<ResetOutcome>;
  /** SUBSCRIBER_NOT_FOUND, SUBSCRIBER_ACTIVE. */
  delete(name: string, force: boolean): Promise<void>;
}
