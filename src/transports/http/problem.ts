import { Buffer } from 'node:buffer';
import { type BusError, type Code, catalogue, type Reason } from '../../core/errors.js';
import { writeExact } from '../../core/numbers/exact-json.js';
import type { HttpResponse } from '../node-http.js';

/** Problem details, RFC 9457. */
export interface Problem {
  readonly status: number;
  readonly title: string;
  /** What is wrong and what to do, in words. */
  readonly detail: string;
  /** Further members: of an error of the catalogue its reason, violations and so on. */
  readonly [extension: string]: unknown;
}

/** A refusal in terms of HTTP, for which the catalogue of the bus has no reason: 406, 408, 415. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  constructor(
    readonly problem: Problem,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(problem.detail);
  }
}

const statusOf: Readonly<Record<Code, number>> = {
  invalid_argument: 400,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  failed_precondition: 409,
  aborted: 409,
  out_of_range: 410,
  resource_exhausted: 429,
  canceled: 499,
  internal: 500,
  unimplemented: 501,
  unavailable: 503,
  deadline_exceeded: 504,
};

/** Where the code is too coarse for people who go by the status alone. */
const statusByReason: Partial<Record<Reason, number>> = {
  SCHEMA_VIOLATION: 422,
  KEY_NOT_EXACT: 422,
  KEY_REQUIRED: 422,
  EVENT_TOO_LARGE: 413,
  BATCH_TOO_LARGE: 413,
  REQUEST_TOO_LARGE: 413,
  STORAGE_FULL: 503,
  PARKING_FULL: 409,
  CURSOR_AHEAD: 409,
};

function httpStatus(error: BusError): number {
  return statusByReason[error.reason] ?? statusOf[error.code];
}

/** An error of the catalogue as problem details: the same reason and the same facts as on the RPCs. */
export function problemOf(error: BusError): Problem {
  const { reason, message, retryAfterMs, metadata, violations, outcome, expired } = error;
  return {
    type: `urn:mainstem:error:${reason}`,
    title: titleOf(reason),
    status: httpStatus(error),
    detail: message,
    reason,
    retryable: error.retryable,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(violations.length > 0 && { violations }),
    ...(outcome && { outcome }),
    ...(expired && { expired }),
  };
}

/** All statuses that errors have: for the documents. */
export function problemStatuses(): number[] {
  const reasons = Object.entries(catalogue).map(([reason, { code }]) => {
    const own = Object.entries(statusByReason).find(([name]) => name === reason)?.[1];
    return own ?? statusOf[code];
  });
  return [...new Set(reasons)].sort((a, b) => a - b);
}

/** `SCHEMA_VIOLATION` as "Schema violation". */
function titleOf(reason: Reason): string {
  const words = reason.toLowerCase().replaceAll('_', ' ').replace('json', 'JSON');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** @param more members that the problem has beside the error's own, or instead of them */
export function sendError(response: HttpResponse, error: BusError, more: Readonly<Record<string, unknown>> = {}): void {
  const seconds =
    error.retryAfterMs === undefined ? undefined : String(Math.max(1, Math.ceil(error.retryAfterMs / 1000)));
  sendProblem(response, { ...problemOf(error), ...more }, { ...(seconds && { 'retry-after': seconds }) });
}

export function sendProblem(
  response: HttpResponse,
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = { type: 'about:blank', ...problem };
  send(response, problem.status, `${JSON.stringify(body)}\n`, {
    'content-type': 'application/problem+json',
    ...headers,
  });
}

/** A short answer, whole. To a HEAD request Node sends the headers only. */
export function send(
  response: HttpResponse,
  status: number,
  text: string | Uint8Array,
  headers: Record<string, string>,
): void {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  response.writeHead(status, { 'content-length': bytes.length, 'cache-control': 'no-store', ...headers });
  response.end(bytes);
}

export function sendJson(
  response: HttpResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  send(response, status, `${writeExact(value, '  ')}\n`, {
    'content-type': 'application/json',
    ...headers,
  });
}
