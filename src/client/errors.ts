import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../gen/google/rpc/error_details_pb.js';
import { CursorExpiredSchema, PublishOutcomeSchema, ViolationSchema } from '../gen/mainstem/v1/errors_pb.js';
import type { BatchFailure } from '../gen/mainstem/v1/publish_pb.js';
import { type SchemaReport, SchemaReportSchema } from '../gen/mainstem/v1/schema_pb.js';
import { connectionTrouble } from './connection-trouble.js';
import { type CursorExpired, outcomeOf, type PublishOutcome, type Violation, violationOf } from './error-details.js';

/** The canonical status codes, as gRPC and Connect name them. */
export type StatusCode =
  | 'aborted'
  | 'already_exists'
  | 'canceled'
  | 'data_loss'
  | 'deadline_exceeded'
  | 'failed_precondition'
  | 'internal'
  | 'invalid_argument'
  | 'not_found'
  | 'out_of_range'
  | 'permission_denied'
  | 'resource_exhausted'
  | 'unauthenticated'
  | 'unavailable'
  | 'unimplemented'
  | 'unknown';

export interface MainstemErrorInit {
  readonly code: StatusCode;
  readonly reason: string;
  readonly message: string;
  readonly retryable?: boolean;
  readonly retryDelayMs?: number | undefined;
  readonly violations?: readonly Violation[];
  readonly outcome?: PublishOutcome | undefined;
  readonly expired?: CursorExpired | undefined;
  readonly report?: SchemaReport | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/**
 * Every failure of a call. `reason` is from the server's catalogue (`TOPIC_NOT_FOUND`, `OVERLOADED`, …), or one of the client's own:
 *
 * - `UNREACHABLE`: no connection came about; the call had no effect.
 * - `CONNECTION_LOST`: the connection broke during the call; it may have had its effect.
 * - `CANCELLED`, `DEADLINE_EXCEEDED`: by the caller's signal or timeout; it may have had its effect.
 * - `CLIENT_CLOSED`: the client was closed before the call, which then had no effect, or during it.
 * - `UNKNOWN`: an answer without a reason, from something that is no Mainstem server, say.
 */
export class MainstemError extends Error {
  override readonly name = 'MainstemError';
  readonly code: StatusCode;
  readonly reason: string;
  /** Whether the same call may succeed later. Whether it may store an event twice depends on the reason. */
  readonly retryable: boolean;
  /** Milliseconds to wait before a retry, where the server says so. */
  readonly retryDelayMs: number | undefined;
  /** The rules that events break; at most 50, `metadata` may hold the totals. */
  readonly violations: readonly Violation[];
  /** What became of each event, with the reason PARTIALLY_STORED. */
  readonly outcome: PublishOutcome | undefined;
  /** What is gone and where to go on, with the reason CURSOR_EXPIRED. */
  readonly expired: CursorExpired | undefined;
  /** What the check found, with the reason SCHEMA_INCOMPATIBLE. */
  readonly report: SchemaReport | undefined;
  readonly metadata: Readonly<Record<string, string>>;

  constructor(init: MainstemErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.reason = init.reason;
    this.retryable = init.retryable ?? false;
    this.retryDelayMs = init.retryDelayMs;
    this.violations = init.violations ?? [];
    this.outcome = init.outcome;
    this.expired = init.expired;
    this.report = init.report;
    this.metadata = init.metadata ?? {};
  }

  /** Any thrown value as a MainstemError; never throws. `address` makes messages about the connection name the server. */
  static from(error: unknown, address?: string): MainstemError {
    if (error instanceof MainstemError) return error;
    const connectError = ConnectError.from(error);
    const info = first(connectError, ErrorInfoSchema);
    if (info === undefined) return withoutInfo(connectError, error, address);
    const delay = first(connectError, RetryInfoSchema)?.retryDelay;
    return new MainstemError({
      code: statusCode(connectError.code),
      reason: info.reason,
      message: connectError.rawMessage,
      retryable: delay !== undefined,
      retryDelayMs: durationMs(delay),
      violations: violationsIn(connectError),
      outcome: outcomeOf(first(connectError, PublishOutcomeSchema)),
      expired: first(connectError, CursorExpiredSchema),
      report: first(connectError, SchemaReportSchema),
      metadata: info.metadata,
      cause: error,
    });
  }

  /** The failure of one batch of a PublishStream. */
  static fromBatch(failure: BatchFailure): MainstemError {
    return new MainstemError({
      code: failure.retryable ? 'unavailable' : 'failed_precondition',
      reason: failure.reason,
      message: failure.message,
      retryable: failure.retryable,
      retryDelayMs: durationMs(failure.retryDelay),
      violations: failure.violations.map((violation) => violationOf(violation)),
      outcome: outcomeOf(failure.outcome),
    });
  }
}

function withoutInfo(connectError: ConnectError, original: unknown, address: string | undefined): MainstemError {
  const trouble = connectionTrouble(connectError);
  const server = address === undefined ? 'the server' : `the server at ${address}`;
  if (trouble?.kind === 'unreachable') {
    return new MainstemError({
      code: 'unavailable',
      reason: 'UNREACHABLE',
      message: `cannot reach ${server} (${trouble.detail}); is it running? \`npm start\` or \`mainstem serve\` starts one`,
      retryable: true,
      cause: original,
    });
  }
  if (trouble?.kind === 'lost') {
    return new MainstemError({
      code: 'unavailable',
      reason: 'CONNECTION_LOST',
      message: `the connection to ${server} broke (${trouble.detail})`,
      retryable: true,
      cause: original,
    });
  }
  const reasons: Partial<Record<Code, string>> = {
    [Code.Canceled]: 'CANCELLED',
    [Code.DeadlineExceeded]: 'DEADLINE_EXCEEDED',
    [Code.Unimplemented]: 'UNIMPLEMENTED',
  };
  return new MainstemError({
    code: statusCode(connectError.code),
    reason: reasons[connectError.code] ?? 'UNKNOWN',
    message: connectError.code === Code.DeadlineExceeded ? `${server} did not answer in time` : connectError.rawMessage,
    retryable: connectError.code === Code.Unavailable,
    cause: original,
  });
}

/** Where the server sends its own Violation details they are exact; BadRequest is the general form of the same. */
function violationsIn(error: ConnectError): Violation[] {
  const own = error.findDetails(ViolationSchema);
  if (own.length > 0) return own.map((violation) => violationOf(violation));
  return error
    .findDetails(BadRequestSchema)
    .flatMap((detail) => detail.fieldViolations)
    .map((field) => {
      const [, index, pointer] = /^events\[(\d+)\](?:\.json_bytes|\.json)?(.*)$/s.exec(field.field) ?? [];
      return {
        event: index === undefined ? undefined : Number(index),
        pointer: pointer ?? field.field,
        rule: field.reason,
        message: field.description,
      };
    });
}

function first<Desc extends DescMessage>(error: ConnectError, schema: Desc): MessageShape<Desc> | undefined {
  return error.findDetails(schema)[0];
}

/** Undefined for undefined. */
export function durationMs(duration: Duration | undefined): number | undefined {
  return duration && Number(duration.seconds) * 1000 + Math.round(duration.nanos / 1e6);
}

function statusCode(code: Code): StatusCode {
  const codes: Record<Code, StatusCode> = {
    [Code.Canceled]: 'canceled',
    [Code.Unknown]: 'unknown',
    [Code.InvalidArgument]: 'invalid_argument',
    [Code.DeadlineExceeded]: 'deadline_exceeded',
    [Code.NotFound]: 'not_found',
    [Code.AlreadyExists]: 'already_exists',
    [Code.PermissionDenied]: 'permission_denied',
    [Code.ResourceExhausted]: 'resource_exhausted',
    [Code.FailedPrecondition]: 'failed_precondition',
    [Code.Aborted]: 'aborted',
    [Code.OutOfRange]: 'out_of_range',
    [Code.Unimplemented]: 'unimplemented',
    [Code.Internal]: 'internal',
    [Code.Unavailable]: 'unavailable',
    [Code.DataLoss]: 'data_loss',
    [Code.Unauthenticated]: 'unauthenticated',
  };
  return codes[code] ?? 'unknown';
}
