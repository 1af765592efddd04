import type { ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import type { HttpRequest, HttpResponse } from './node-http.js';

/** How much of a request is still read after its answer was given: more than one message over the limit has, usually. */
const most: Limits = { bytes: 64 * 1024 * 1024, ms: 10_000, silenceMs: 2_000 };

interface Limits {
  readonly bytes: number;
  readonly ms: number;
  /** Whoever sends nothing for so long is not stuck: a stream that it keeps open would only hold up a shutdown. Default: `ms`. */
  readonly silenceMs?: number;
}

/**
 * Reads away what is left of a request that was answered early (a message over the limit, an unknown path): a client that is still
 * sending would otherwise wait for ever for room to send, and never look at the answer. Beyond the limits the stream (HTTP/2) or the
 * connection (HTTP/1.1) is cut.
 */
export function discardUnread(request: HttpRequest, response: HttpResponse, limits = most): void {
  if ('stream' in request) {
    // HTTP/2's response says `finish` only when the stream is closed; the stream itself says it when the answer is written.
    discardRest(request.stream, limits);
  } else {
    // Ahead of Node's own listener, which would read away whatever comes, uncounted.
    response.prependOnceListener('finish', () => readAway(request, limits));
  }
}

/** The same for a stream of HTTP/2 without request and response; to be called before the answer's end is written. */
export function discardRest(stream: ServerHttp2Stream, limits = most): void {
  stream.once('finish', () => readAway(stream, limits));
}

/** The same, from now on: for an answer that cannot be written because its client does not read before it has sent everything. */
export function readAway(body: Readable, limits = most): void {
  if (body.destroyed || body.readableEnded) return;
  let left = limits.bytes;
  const cut = () => body.destroy();
  const timer = setTimeout(cut, limits.ms);
  const silence = setTimeout(cut, limits.silenceMs ?? limits.ms);
  const over = () => {
    clearTimeout(timer);
    clearTimeout(silence);
  };
  body.once('close', over);
  body.once('end', over);
  // HTTP/2's compatibility layer has one that would pause the stream again.
  body.removeAllListeners('data');
  body.on('data', (chunk: Uint8Array) => {
    silence.refresh();
    left -= chunk.length;
    if (left < 0) cut();
  });
  body.resume();
}
