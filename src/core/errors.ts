/**
 * The closed catalogue of errors that a caller can see. Each reason has a canonical status code, says whether the
 * same call may succeed later, and after how long it makes sense to try.
 */
export const catalogue = {
  INVALID_REQUEST: { code: 'invalid_argument' },
  PAYLOAD_NOT_JSON: { code: 'invalid_argument' },
  EVENT_TOO_LARGE: { code: 'invalid_argument' },
  KEY_NOT_EXACT: { code: 'invalid_argument' },
  KEY_REQUIRED: { code: 'invalid_argument' },
  EVENT_ID_REUSED: { code: 'already_exists' },
  BATCH_TOO_LARGE: { code: 'invalid_argument' },
  REQUEST_TOO_LARGE: { code: 'resource_exhausted' },
  SCHEMA_VIOLATION: { code: 'invalid_argument' },
  SCHEMA_INVALID: { code: 'invalid_argument' },
  SCHEMA_HAS_NO_KEYWORD: { code: 'invalid_argument' },
  SCHEMA_VERSION_NOT_FOUND: { code: 'not_found' },
  SCHEMA_VERSION_CONFLICT: { code: 'already_exists' },
  SCHEMA_VERSION_CLOSED: { code: 'failed_precondition' },
  SCHEMA_INCOMPATIBLE: { code: 'failed_precondition' },
  SCHEMA_VERSION_IN_USE: { code: 'failed_precondition' },
  SCHEMA_TOO_MANY_VERSIONS: { code: 'failed_precondition' },
  TOPIC_NAME_INVALID: { code: 'invalid_argument' },
  TOPIC_SETTINGS_INVALID: { code: 'invalid_argument' },
  TOPIC_NOT_FOUND: { code: 'not_found' },
  TOPIC_ALREADY_EXISTS: { code: 'already_exists' },
  TOPIC_NOT_MANAGED: { code: 'failed_precondition' },
  TOPIC_IN_USE: { code: 'failed_precondition' },
  TOPIC_NOT_READY: { code: 'unavailable', retryAfterMs: 500 },
  TOPIC_DELETED: { code: 'not_found' },
  SUBSCRIBER_NAME_INVALID: { code: 'invalid_argument' },
  SUBSCRIBER_NOT_FOUND: { code: 'not_found' },
  SUBSCRIBER_ACTIVE: { code: 'failed_precondition' },
  SUBSCRIBER_BUSY: { code: 'unavailable', retryAfterMs: 500 },
  RECORD_NOT_FOUND: { code: 'not_found' },
  PARKED_RECORD_NOT_FOUND: { code: 'not_found' },
  PARKING_FULL: { code: 'resource_exhausted' },
  CURSOR_MALFORMED: { code: 'invalid_argument' },
  CURSOR_WRONG_TOPIC: { code: 'invalid_argument' },
  CURSOR_STALE_TOPIC: { code: 'failed_precondition' },
  CURSOR_EXPIRED: { code: 'out_of_range' },
  CURSOR_AHEAD: { code: 'out_of_range' },
  CURSOR_TRUNCATED: { code: 'out_of_range' },
  CURSOR_TOO_LARGE: { code: 'failed_precondition' },
  FILTER_INVALID: { code: 'invalid_argument' },
  FENCED: { code: 'failed_precondition' },
  PARTIALLY_STORED: { code: 'unavailable', retryAfterMs: 1000 },
  STORE_OUTCOME_UNKNOWN: { code: 'unavailable', retryAfterMs: 1000 },
  STREAM_HALTED: { code: 'aborted' },
  OVERLOADED: { code: 'resource_exhausted', retryAfterMs: 250 },
  STORAGE_FULL: { code: 'resource_exhausted', retryAfterMs: 5000 },
  LOG_UNAVAILABLE: { code: 'unavailable', retryAfterMs: 1000 },
  COORDINATION_UNAVAILABLE: { code: 'unavailable', retryAfterMs: 1000 },
  SHUTTING_DOWN: { code: 'unavailable', retryAfterMs: 1000 },
  PERMISSION_DENIED: { code: 'permission_denied' },
  CANCELLED: { code: 'canceled' },
  DEADLINE_EXCEEDED: { code: 'deadline_exceeded' },
  UNIMPLEMENTED: { code: 'unimplemented' },
  INTERNAL: { code: 'internal' },
} as const satisfies Record<string, { code: Code; retryAfterMs?: number }>;

/** The canonical status codes in use, as gRPC and Connect name them. */
export type Code =
  | 'aborted'
  | 'already_exists'
  | 'canceled'
  | 'deadline_exceeded'
  | 'failed_precondition'
  | 'internal'
  | 'invalid_argument'
  | 'not_found'
  | 'out_of_range'
  | 'permission_denied'
  | 'resource_exhausted'
  | 'unavailable'
  | 'unimplemented';

export type Reason = keyof typeof catalogue;

/** One rule of the schema, or of the bus, that an event breaks. */
export interface Violation {
  /** Index of the event in its call, from 0. */
  readonly event: number;
  /** JSON Pointer into the payload; empty for the payload itself. */
  readonly pointer: string;
  /** The schema keyword that refuses, such as `minimum`. */
  readonly rule: string;
  readonly message: string;
}

/** What became of each event of a call that was stored in part. */
export interface PublishOutcome {
  readonly events: number;
  readonly stored: readonly {
    readonly event: number;
    readonly partition: number;
    readonly offset: number;
  }[];
  readonly unknown: readonly number[];
}

/** What retention has removed under a cursor, or what the log has lost. */
export interface CursorExpired {
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly asked: number;
    readonly first: number;
  }[];
  /** The cursor to continue with. */
  readonly cursor: string;
}

export interface BusErrorOptions {
  /** What lies behind it: for the log, never shown to a caller. */
  readonly cause?: unknown;
  readonly retryAfterMs?: number;
  /**
   * True where the same call can never succeed, though its reason usually passes: a call that is stored in part because one of its events
   * is too large. It is not retryable, and its code is failed_precondition: clients try again what is `unavailable`.
   */
  readonly isFinal?: boolean;
  /** Further facts by name, shown to the caller; short. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** At most 50; `metadata` has the totals. */
  readonly violations?: readonly Violation[];
  readonly outcome?: PublishOutcome;
  readonly expired?: CursorExpired;
}

/** The only error that leaves the core on purpose. Its message is written for the caller. */
export class BusError extends Error {
  override readonly name = 'BusError';
  readonly reason: Reason;
  readonly code: Code;
  /** Set where the same call may succeed later. */
  readonly retryAfterMs: number | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly Violation[];
  readonly outcome: PublishOutcome | undefined;
  readonly expired: CursorExpired | undefined;

  constructor(reason: Reason, message: string, options: BusErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const entry: { code: Code; retryAfterMs?: number } = catalogue[reason];
    this.reason = reason;
    const isFinal = options.isFinal === true;
    this.code = isFinal ? 'failed_precondition' : entry.code;
    this.retryAfterMs = isFinal ? undefined : (options.retryAfterMs ?? entry.retryAfterMs);
    this.metadata = options.metadata ?? {};
    this.violations = options.violations ?? [];
    this.outcome = options.outcome;
    this.expired = options.expired;
  }

  get retryable(): boolean {
    return this.retryAfterMs !== undefined;
  }

  /** The log's topic of this name is another one than the bus knows: it was deleted and created anew with the log's own tools. */
  static topicReplaced(topic: string): BusError {
    return new BusError(
      'TOPIC_NOT_READY',
      `topic ${topic} was deleted and created anew in the log, outside the bus; the bus takes the new one over as soon as coordination answers: try again shortly`,
      { metadata: { topic } },
    );
  }

  /** The topic that something was meant for is gone, or is another one of the same name by now. */
  static topicDeleted(topic: string): BusError {
    return new BusError('TOPIC_DELETED', `topic ${topic} was deleted`, { metadata: { topic } });
  }

  /** Any thrown value as a BusError; what is not one becomes INTERNAL, with the original as its cause. */
  static from(error: unknown): BusError {
    if (error instanceof BusError) return error;
    if (error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')) {
      return error.name === 'TimeoutError'
        ? new BusError('DEADLINE_EXCEEDED', 'the deadline has passed', { cause: error })
        : new BusError('CANCELLED', 'the call was cancelled', { cause: error });
    }
    return new BusError('INTERNAL', 'an unexpected error; the server log has the details', { cause: error });
  }
}
