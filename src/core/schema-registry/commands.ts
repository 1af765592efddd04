import type { Finding, SchemaPolicy, SchemaReport } from '../compatibility/report.js';
import type { Refusal } from '../ports/schema-judge.js';
import type { Reading } from '../schema/index.js';
import type { SchemaState } from '../topics/topic.js';

/** A version of a topic's schema, as callers see it. */
export interface RegisteredSchema {
  readonly topic: string;
  readonly version: number;
  /** As its author wrote it. Undefined in lists that would grow too large. */
  readonly definition: string | undefined;
  readonly state: SchemaState;
  /** Milliseconds since 1970; undefined for versions from before this was kept. */
  readonly registeredAt: number | undefined;
  readonly uri: string;
  readonly references: readonly string[];
}

/** How far a check goes. */
export interface CheckOptions {
  readonly acceptUndecided: boolean;
  /** How many of the newest retained events are validated: 0 to 1,000,000; default 0. */
  readonly evidenceEvents: number;
  /** What differs from the topic's policy, for this call. */
  readonly policy: Partial<SchemaPolicy>;
}

export interface RegisterCommand {
  readonly topic: string;
  readonly definition: string;
  /** Undefined: the next one. */
  readonly expectedVersion: number | undefined;
  /** Also a schema without any rule. Default false: SCHEMA_HAS_NO_KEYWORD. */
  readonly allowAnything?: boolean | undefined;
  readonly options: CheckOptions;
}

export interface Registered {
  readonly schema: RegisteredSchema;
  readonly created: boolean;
  /** Undefined where the version existed. */
  readonly report: SchemaReport | undefined;
}

export interface Checked {
  readonly report: SchemaReport;
  readonly identicalVersion: number | undefined;
  readonly nextVersion: number;
}

/** A version, or a schema that is proposed. */
export type SchemaChoice = { readonly version: number | undefined } | { readonly definition: string };

export interface DiffCommand {
  readonly topic: string;
  /** Undefined: the one before `to`. */
  readonly from: number | undefined;
  readonly to: SchemaChoice;
  /** Undefined: the topic's. */
  readonly reading: Reading | undefined;
}

export interface Difference {
  readonly from: number;
  /** Undefined for a proposed schema. */
  readonly to: number | undefined;
  readonly changes: readonly SchemaChange[];
  readonly backward: Finding;
  readonly forward: Finding;
}

/** A place in which two schemas differ. */
export interface SchemaChange {
  /** JSON Pointer. */
  readonly pointer: string;
  /** JSON; undefined where it was added. */
  readonly before: string | undefined;
  /** JSON; undefined where it was removed. */
  readonly after: string | undefined;
}

export interface ValidateCommand {
  readonly topic: string;
  readonly payloads: readonly Uint8Array[];
  readonly against: SchemaChoice;
}

export interface Validated {
  readonly events: number;
  /** In order. */
  readonly refusals: readonly Refusal[];
  /** Undefined for a proposed schema, and on a schemaless topic. */
  readonly version: number | undefined;
}

/**
 * The schemas of topics, as transports use them. Every call reads anew what was acknowledged to anybody before. All fail with the topic's errors
 * (TOPIC_NOT_FOUND, …), COORDINATION_UNAVAILABLE, and OVERLOADED while too much is being checked.
 */
export interface SchemaRegistry {
  /**
   * Adds a version. SCHEMA_INVALID, SCHEMA_HAS_NO_KEYWORD, SCHEMA_INCOMPATIBLE (a SchemaIncompatibleError), SCHEMA_VERSION_CONFLICT, SCHEMA_TOO_MANY_VERSIONS,
   * TOPIC_SETTINGS_INVALID on a schemaless topic, INVALID_REQUEST for a policy that is laxer than the topic's; then nothing is changed.
   */
  register(command: RegisterCommand, signal: AbortSignal): Promise<Registered>;
  /** What `register` would do. */
  check(command: Omit<RegisterCommand, 'expectedVersion'>, signal: AbortSignal): Promise<Checked>;
  /** Undefined: the latest. SCHEMA_VERSION_NOT_FOUND. */
  get(topic: string, version: number | undefined): Promise<RegisteredSchema>;
  list(topic: string): Promise<{ readonly schemas: readonly RegisteredSchema[]; readonly policy: SchemaPolicy }>;
  /** SCHEMA_VERSION_NOT_FOUND, SCHEMA_INVALID. */
  diff(command: DiffCommand, signal: AbortSignal): Promise<Difference>;
  /** SCHEMA_VERSION_NOT_FOUND, SCHEMA_INVALID, BATCH_TOO_LARGE. */
  validate(command: ValidateCommand, signal: AbortSignal): Promise<Validated>;
  /** What is undefined stays. */
  setPolicy(topic: string, policy: Partial<SchemaPolicy>): Promise<SchemaPolicy>;
  /** SCHEMA_VERSION_NOT_FOUND; SCHEMA_VERSION_IN_USE where no version would be open any more. */
  setState(topic: string, version: number, state: SchemaState): Promise<RegisteredSchema>;
}
