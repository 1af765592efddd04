import type { BusError } from '../errors.js';
import type { CompiledSchema } from '../ports/schema-compiler.js';

/** A topic's settings, complete. */
export interface TopicSettings {
  /** 1 to 1,000; default 1. */
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly minInsyncReplicas: number;
  /** Milliseconds; 0: for ever. Default 7 days. */
  readonly retentionMs: number;
  /** Bytes per partition; 0: no limit by size (default). */
  readonly retentionBytes: number;
  /** 1 KiB to 8 MiB; default 1 MiB. */
  readonly maxEventBytes: number;
  /** JSON Pointer; undefined: none. */
  readonly keyPointer: string | undefined;
  readonly schemaless: boolean;
}

export type TopicState = 'creating' | 'active' | 'deleting' | 'unmanaged';

/** A topic as callers see it in lists. */
export interface TopicInfo {
  readonly name: string;
  readonly state: TopicState;
  readonly settings: TopicSettings;
  /** Empty if unmanaged. */
  readonly incarnation: string;
  readonly latestSchemaVersion: number | undefined;
  readonly publisherTime: boolean;
}

/** An active topic, ready for use: an immutable snapshot. A change of settings or schemas makes a new one. */
export interface ActiveTopic {
  readonly name: string;
  readonly incarnation: string;
  readonly settings: TopicSettings;
  /** How large one appended batch may be, by `recordBytes`. */
  readonly maxBatchBytes: number;
  /** The schema version that applies: the latest, or the named one; undefined on a schemaless topic. Throws SCHEMA_VERSION_NOT_FOUND. */
  schema(version: number | undefined): SchemaInUse | undefined;
}

export interface SchemaInUse {
  readonly version: number;
  readonly compiled: CompiledSchema;
}

/** The topics, as the produce and the subscribe path see them. */
export interface Topics {
  /**
   * The current snapshot, from memory. Throws TOPIC_NAME_INVALID, TOPIC_NOT_FOUND, TOPIC_NOT_MANAGED, TOPIC_NOT_READY, and
   * COORDINATION_UNAVAILABLE once coordination has been away for longer than the grace period (default 15 min).
   * A topic that is not in memory is looked up once, so that one just created elsewhere is found at once.
   */
  require(name: string): Promise<ActiveTopic>;
  /** As `require`, when the answer is in memory (the hot path); undefined when it would have to look. Throws the grace error. */
  peek(name: string): ActiveTopic | undefined;
  /**
   * Calls back with each new snapshot, and once with a BusError (TOPIC_DELETED) when the topic, or this incarnation, is no more.
   */
  watch(topic: ActiveTopic, listener: (now: ActiveTopic | BusError) => void): () => void;
}
