import { BusError, type Violation } from '../errors.js';
import type { CompatibilityLevel, Reading } from '../schema/index.js';

/** By what a topic judges its new schema versions. */
export interface SchemaPolicy {
  readonly level: CompatibilityLevel;
  readonly reading: Reading;
}

/** One question that a level asks, and its answer. */
export interface Finding {
  /** Whether the new schema reads what the old one accepts (true), or the old one what the new one accepts. */
  readonly backward: boolean;
  /** The version that it is compared with. */
  readonly version: number;
  readonly verdict: 'compatible' | 'incompatible' | 'undecided';
  /** The answer in a sentence. */
  readonly message: string;
  /** Where incompatible: a JSON document that the one accepts and the other refuses. */
  readonly counterexample: string | undefined;
  readonly violation: Omit<Violation, 'event'> | undefined;
  /** Where incompatible: JSON Pointer to the keyword that refuses, in the schema that does. */
  readonly schemaPointer: string | undefined;
  readonly undecidedKeyword: string | undefined;
  readonly undecidedPointer: string | undefined;
  /** Whether the other reading gives another verdict. */
  readonly dependsOnReading: boolean;
  readonly steps: number;
}

/** A retained event that a proposed schema refuses. */
export interface RefusedEvent {
  /** A stream that starts here gets this event first. */
  readonly cursor: string;
  readonly partition: number;
  readonly offset: number;
  readonly schemaVersion: number | undefined;
  readonly violations: readonly Violation[];
}

/** Retained events, validated against a proposed schema. */
export interface Evidence {
  readonly events: number;
  readonly refused: number;
  /** At most 10. */
  readonly examples: readonly RefusedEvent[];
  /** Whether all retained events were looked at; else the newest of each partition. */
  readonly complete: boolean;
}

/** A subscriber or a stream that declared the version it reads, and would receive documents that it does not accept. */
export interface BrokenReader {
  /** Undefined for a stream without one. */
  readonly subscriber: string | undefined;
  /** Undefined for a subscriber that is not connected. */
  readonly streamId: string | undefined;
  readonly version: number;
  readonly finding: Finding;
}

/** What a check found. */
export interface SchemaReport {
  readonly policy: SchemaPolicy;
  /** Whether the schema may be registered. */
  readonly accepted: boolean;
  readonly summary: string;
  readonly findings: readonly Finding[];
  readonly evidence: Evidence | undefined;
  readonly brokenReaders: readonly BrokenReader[];
  readonly warnings: readonly string[];
}

/** SCHEMA_INCOMPATIBLE, with what was found. */
export class SchemaIncompatibleError extends BusError {
  constructor(
    message: string,
    readonly report: SchemaReport,
    metadata: Readonly<Record<string, string>>,
  ) {
    super('SCHEMA_INCOMPATIBLE', message, { metadata });
  }
}
