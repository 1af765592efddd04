import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect';
import { type Code as BusCode, BusError } from '../../core/errors.js';
import type { OnInternalError } from '../served.js';
import { errorDetails } from './error-details.js';
import { errorLimits, shortMessage } from './error-limits.js';

/** What of a call matters to its errors. */
export type FailedCall = Pick<HandlerContext, 'protocolName' | 'signal' | 'service' | 'method'>;

const codes: { readonly [K in BusCode]: Code } = {
  aborted: Code.Aborted,
  already_exists: Code.AlreadyExists,
  canceled: Code.Canceled,
  deadline_exceeded: Code.DeadlineExceeded,
  failed_precondition: Code.FailedPrecondition,
  internal: Code.Internal,
  invalid_argument: Code.InvalidArgument,
  not_found: Code.NotFound,
  out_of_range: Code.OutOfRange,
  permission_denied: Code.PermissionDenied,
  resource_exhausted: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
  unimplemented: Code.Unimplemented,
};

/**
 * Any thrown value as the error that a caller gets: with google.rpc.ErrorInfo (domain `mainstem.dev`), and where they help BadRequest,
 * RetryInfo, PublishOutcome, CursorExpired, SchemaReport. Encoded it stays under 4 KiB on gRPC, whose clients allow about 8 KiB of trailers, and under
 * 64 KiB elsewhere: lists are cut, and ErrorInfo keeps the totals. Errors of connect's own (an undecodable request) pass as they are.
 */
export function toConnectError(error: unknown, call: FailedCall, onInternalError: OnInternalError): ConnectError {
  const seen = callerSees(error, call.signal);
  if (seen instanceof ConnectError) return seen;
  if (seen.reason === 'INTERNAL') {
    onInternalError(seen.cause ?? seen, `${call.service.typeName}/${call.method.name}`);
  }
  return connectErrorOf(seen, call.protocolName);
}

/** An error of the catalogue as the protocol `protocolName` has room for. */
export function connectErrorOf(error: BusError, protocolName: FailedCall['protocolName']): ConnectError {
  const limits = protocolName === 'grpc' ? errorLimits.grpc : errorLimits.elsewhere;
  const message = shortMessage(error.message, limits);
  return new ConnectError(message, codes[error.code], undefined, errorDetails(error, message, limits), error);
}

/** As `toConnectError`, but in the bus's own terms; a ConnectError only where connect itself has thrown it. */
export function callerSees(error: unknown, signal: AbortSignal): BusError | ConnectError {
  if (error instanceof BusError && error.reason !== 'INTERNAL') return error;
  // connect aborts with an error of its own when the deadline passes: the core rethrows that reason, or wraps it.
  const reason: unknown = signal.reason;
  if (signal.aborted && (error === reason || (error instanceof Error && error.cause === reason))) {
    return reason instanceof ConnectError && reason.code === Code.DeadlineExceeded
      ? new BusError('DEADLINE_EXCEEDED', 'the deadline has passed', { cause: reason })
      : new BusError('CANCELLED', 'the call was cancelled', { cause: reason });
  }
  return error instanceof ConnectError ? error : BusError.from(error);
}
