import type { Reason, Violation } from '../errors.js';
import type { CompatibilityReport, CompatibilityRequest } from '../schema/index.js';

/**
 * Judges schemas apart from the thread that serves, since each answer may take seconds of CPU. A few are worked on at a time, a few more wait;
 * beyond that calls fail with OVERLOADED. A call that is aborted stops at once.
 */
export interface SchemaJudge {
  /** Throws SCHEMA_INVALID where the text does not compile. */
  compile(definition: string, signal: AbortSignal): Promise<void>;
  /** As `checkCompatibility`. */
  compare(request: CompatibilityRequest, signal: AbortSignal): Promise<CompatibilityReport>;
  /** Checks payloads as publishing does. Throws SCHEMA_INVALID. */
  validate(request: ValidationRequest, signal: AbortSignal): Promise<readonly Refusal[]>;
  close(): Promise<void>;
}

export interface ValidationRequest {
  /** UTF-8 JSON. */
  readonly definition: string;
  /** What messages call the topic. */
  readonly topic: string;
  readonly maxEventBytes: number;
  readonly keyPointer: string | undefined;
  /** Events without a key are refused. */
  readonly needsKey: boolean;
  readonly payloads: readonly Uint8Array[];
  /** How many refusals tell their violations; the others only that there are some. */
  readonly explained: number;
}

/** An event that is refused. */
export interface Refusal {
  /** Its index in the request, from 0. */
  readonly event: number;
  readonly reason: Reason;
  readonly message: string;
  /** At most 10. */
  readonly violations: readonly Violation[];
}
