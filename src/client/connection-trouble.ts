import type { ConnectError } from '@connectrpc/connect';

export interface ConnectionTrouble {
  /** `unreachable`: nothing was sent. `lost`: the connection broke under way. */
  readonly kind: 'unreachable' | 'lost';
  /** The system's own word for it. */
  readonly detail: string;
}

const unreachable = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'EPROTO',
]);

const lost = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
  'ERR_HTTP2_INVALID_STREAM',
  'ERR_HTTP2_SESSION_ERROR',
  'ERR_HTTP2_STREAM_CANCEL',
  'ERR_HTTP2_STREAM_ERROR',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** What connect says itself where a stream ends before its status. */
const lostMessages = [
  // CANCEL too: where the caller cancels, connect reports the reason of the abort instead.
  /^http\/2 stream closed with error code/,
  /^http\/2 connection closed/,
  /^PING timed out$/,
  /^received GOAWAY/,
  /^(protocol error: )?missing (EndStreamResponse|status|trailer)/,
  /^missing message$/,
  /^premature end of stream/,
  // What fetch says, in Node and in the browsers, before or in the middle of an answer: it does not tell whether the request arrived.
  /^(fetch failed|terminated|Failed to fetch|network error|Load failed|NetworkError when attempting|Error in body stream)/,
];

/** Tells trouble with the connection from an answer of the server. Only for errors that carry no ErrorInfo. */
export function connectionTrouble(error: ConnectError): ConnectionTrouble | undefined {
  for (const code of causeCodes(error)) {
    if (unreachable.has(code)) return { kind: 'unreachable', detail: code };
    if (code === 'ERR_HTTP2_ERROR') return { kind: 'lost', detail: `${code}; is it a Mainstem server?` };
    if (lost.has(code)) return { kind: 'lost', detail: code };
  }
  const message = lostMessages.find((pattern) => pattern.test(error.rawMessage));
  return message && { kind: 'lost', detail: error.rawMessage };
}

/** The Node error codes in the chain of causes, outermost first. `AggregateError`s (several addresses of one host) are looked into. */
function causeCodes(error: unknown): string[] {
  const codes: string[] = [];
  const seen = new Set<unknown>();
  const queue = [error];
  for (let next = queue.shift(); next instanceof Error && !seen.has(next); next = queue.shift()) {
    seen.add(next);
    if ('code' in next && typeof next.code === 'string') codes.push(next.code);
    if (next instanceof AggregateError) queue.push(...next.errors);
    if (next.cause !== undefined) queue.push(next.cause);
  }
  return codes;
}
