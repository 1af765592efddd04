import type { HttpRequest, HttpResponse } from '../node-http.js';

/** One request on a plain route, and its answer. */
export interface Exchange {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  /** Of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** Aborted, with CANCELLED as the reason, when the client is gone before its answer is complete. */
  readonly signal: AbortSignal;
  /** The address that the client used, `http://localhost:8080`, safe to show in commands. */
  readonly origin: string;
}

/** Of the header of that name: makes a request that is sent again safe. */
export function idempotencyKey(exchange: Exchange): string | undefined {
  return headerOf(exchange, 'idempotency-key');
}

/** A header of the request, where it came once; several of the same name are one, joined by commas, or the first (as Node does it). */
export function headerOf({ request }: Exchange, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
