import type { BusError } from '../errors.js';
import type { CompiledSchema } from '../ports/schema-compiler.js';
import type { CompatibilityLevel, Reading } from '../schema/index.js';

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
  /** Events without a key are refused (KEY_REQUIRED). Default false. */
  readonly keyRequired: boolean;
  readonly schemaless: boolean;
  /** What a new schema version must be to the ones before it. Default `BACKWARD`. */
  readonly compatibility: CompatibilityLevel;
  /** What objects are taken to have held when that is judged. Default `declared`. */
  readonly reading: Reading;
  /** How long an event is recognised by its identity, in milliseconds; 0: events are never compared. At most 7 days; default 10 min. */
  readonly dedupeWindowMs: number;
  /** How many of the topic's newest events are looked back on for that at most, in even shares for its partitions. 1,000 to 100,000,000; default 1,000,000. */
  readonly dedupeEntries: number;
}

/** What may be done with a schema version: publishers may name it, the same with a warning, or no longer. */
export type SchemaState = 'active' | 'deprecated' | 'closed';

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
  /** What tells this topic in the log from others of its name: a `TopicRef`. Undefined where the log has no ids, or it is not known yet. */
  readonly logId: string | undefined;
  readonly settings: TopicSettings;
  /** How large one appended batch may be, by `recordBytes`. */
  readonly maxBatchBytes: number;
  /** The log keeps the last record of each key, and so takes no record without one. */
  readonly compacted: boolean;
  /** Records have the times that their publishers gave them, in any order. */
  readonly publisherTime: boolean;
  /** The versions that exist, closed ones included, in order. */
  readonly schemaVersions: readonly number[];
  /**
   * The schema version that applies: the latest that is open, or the named one; undefined on a schemaless topic. Throws
   * SCHEMA_VERSION_NOT_FOUND, SCHEMA_VERSION_CLOSED.
   */
  schema(version: number | undefined): SchemaInUse | undefined;
}

export interface SchemaInUse {
  readonly version: number;
  readonly compiled: CompiledSchema;
  /** What a publisher who uses it should know, such as that it is deprecated. */
  readonly warning: string | undefined;
}

/** The topics, as the produce and the subscribe path see them. */
export interface Topics {
  /**
   * The current snapshot, from memory. Throws TOPIC_NAME_INVALID, TOPIC_NOT_FOUND, TOPIC_NOT_MANAGED, TOPIC_NOT_READY, and
   * COORDINATION_UNAVAILABLE once coordination has been away for longer than the grace period (default 15 min).
   * A topic that is not in memory is looked up once, so that one just created elsewhere is found at once. The same for a schema
   * version: call with it after SCHEMA_VERSION_NOT_FOUND, then ask the new snapshot.
   */
  require(name: string, schemaVersion?: number): Promise<ActiveTopic>;
  /**
   * As `require`, but read anew from coordination: sees what was acknowledged to anybody before the call. For where memory, which watches
   * keep fresh a little later, would be the ground for a final refusal. Throws COORDINATION_UNAVAILABLE too.
   */
  refresh(name: string): Promise<ActiveTopic>;
  /**
   * Makes sure that memory agrees with the log about these topics, as far as they are known: the log is asked unless it was within about a second. For
   * where the number of partitions, or which life of a topic it is, decides about an answer. Never rejects.
   *
   * @param isNow the log is asked in any case
   */
  confirm(names: readonly string[], isNow?: boolean): Promise<void>;
  /** As `require`, when the answer is in memory (the hot path); undefined when it would have to look. Throws the grace error. */
  peek(name: string): ActiveTopic | undefined;
  /**
   * Calls back with each new snapshot, and once with a BusError (TOPIC_DELETED) when the topic, or this incarnation, is no more.
   */
  watch(topic: ActiveTopic, listener: (now: ActiveTopic | BusError) => void): () => void;
  /** All active topics that are in memory. */
  all(): Iterable<ActiveTopic>;
  /** Calls back after any topic has come, changed or gone. */
  watchAll(listener: () => void): () => void;
}

/** Settings as a caller gives them: what is undefined keeps its value, or takes the default at creation. */
export type SettingsInput = { readonly [K in keyof TopicSettings]?: TopicSettings[K] | undefined };

/** A schema version as a caller gives it. */
export interface SchemaInput {
  /** From 1. */
  readonly version: number;
  /** JSON text. */
  readonly definition: string;
}

export interface PartitionDetail {
  readonly partition: number;
  readonly earliest: number;
  readonly highWatermark: number;
  /** What it takes in the log, one replica of it; undefined, as the rate, where the log did not tell. */
  readonly sizeBytes: number | undefined;
  /** Over the last minute. */
  readonly eventsPerSecond: number | undefined;
}

export interface TopicDetail {
  readonly topic: TopicInfo;
  /** Empty where the topic is being created or deleted. */
  readonly partitions: readonly PartitionDetail[];
  /** Of all partitions; undefined where one did not tell. */
  readonly sizeBytes: number | undefined;
  readonly eventsPerSecond: number | undefined;
  readonly schemas: readonly SchemaInput[];
}

/** The management of topics, as transports use it. Every call may be repeated after a crash or a lost answer. */
export interface TopicAdmin {
  /** By name; unmanaged ones of the log included. */
  list(): Promise<TopicInfo[]>;
  get(name: string): Promise<TopicDetail>;
  /**
   * `adopt`: take over a topic that exists in the log only. `allowAnything`: also with a schema without any rule. TOPIC_ALREADY_EXISTS,
   * TOPIC_SETTINGS_INVALID, SCHEMA_INVALID, SCHEMA_HAS_NO_KEYWORD.
   */
  create(input: {
    readonly name: string;
    readonly settings: SettingsInput;
    readonly schema?: string | undefined;
    readonly adopt: boolean;
    readonly allowAnything?: boolean | undefined;
  }): Promise<TopicInfo & { readonly warnings: readonly string[] }>;
  /**
   * Makes a topic as described. `changes` is empty where nothing had to be done. SCHEMA_VERSION_CONFLICT, SCHEMA_INCOMPATIBLE, SCHEMA_HAS_NO_KEYWORD,
   * TOPIC_SETTINGS_INVALID.
   */
  apply(input: {
    readonly name: string;
    readonly settings: SettingsInput;
    readonly schemas: readonly SchemaInput[];
    readonly allowAnything?: boolean | undefined;
  }): Promise<{ readonly topic: TopicInfo; readonly changes: string[]; readonly warnings: string[] }>;
  /** @param incarnation only if it is this one: otherwise TOPIC_NOT_FOUND. */
  delete(name: string, incarnation?: string): Promise<void>;
  /** The same, unless subscribers have streams of it: TOPIC_IN_USE names them. */
  deleteUnused(name: string): Promise<void>;
}
