import type { BatchFacts } from './batch-key.js';

/** One life of a topic. Its number is never used again, so that a topic created anew never sees old records. */
export interface Topic {
  readonly name: string;
  readonly number: number;
  settings: StoredSettings;
  partitions: Partition[];
  /** Its deletion is being written, or is done: nothing may be appended any more. */
  gone: boolean;
}

export interface StoredSettings {
  readonly partitions: number;
  readonly retentionMs: number;
  readonly retentionBytes: number;
  readonly maxEventBytes: number;
}

/** A partition as it is in memory: what is durable, and what the group in flight will make of it. */
export interface Partition {
  readonly topic: Topic;
  readonly number: number;
  /** The first offset left: batches below it are being removed. */
  earliest: number;
  /** The high watermark: everything below is durable. */
  next: number;
  lastTimestamp: number;
  bytesSoFar: number;
  /** The same, with the group in flight. */
  planned: { next: number; lastTimestamp: number; bytesSoFar: number };
  readonly followers: Set<Follower>;
  /** Read when they are first asked for. */
  epochs: EpochStart[] | undefined;
  /** This epoch stands among them, durably. */
  hasEpoch: boolean;
}

/** Where an epoch has its first record in a partition. */
export interface EpochStart {
  readonly epoch: number;
  readonly first: number;
}

/** A tail's place in a partition. */
export interface Follower {
  /** A batch has become durable: `batch` is its stored form. */
  appended(facts: BatchFacts, batch: Buffer): void;
  /** The first offset left has moved. */
  truncated(): void;
  deleted(): void;
}
