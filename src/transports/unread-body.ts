import type { Readable } from 'node:stream';
import type { HttpRequest, HttpResponse } from './node-http.js';

/** How much of a request is still read after its answer was given: more than one message over the limit has, usually. */
const most = { bytes: 64 * 1024 * 1024, ms: 10_000 };

/**
 * Reads away what is left of a request that was answered early (a message over the limit, an unknown path): a client that is still
 * sending would otherwise wait for ever for room to send, and never look at the answer. Beyond the limits the stream (HTTP/2) or the
 * connection (HTTP/1.1) is cut.
 */
export function discardUnread(request: HttpRequest, response: HttpResponse, limits = most): void {
  if ('stream' in request) {
    const { stream } = request;
    // HTTP/2's response says `finish` only when the stream is closed; the stream itself says it when the answer is written.
    stream.once('finish', () => readAway(stream, limits));
  } else {
    // Ahead of Node's own listener, which would read away whatever comes, uncounted.
    response.prependOnceListener('finish', () => readAway(request, limits));
  }
}

function readAway(body: Readable, limits: typeof most): void {
  if (body.destroyed || body.readableEnded) return;
  let left = limits.bytes;
  const cut = () => body.destroy();
  const timer = setTimeout(cut, limits.ms);
  body.once('close', () => clearTimeout(timer));
  body.once('end', () => clearTimeout(timer));
  // HTTP/2's compatibility layer has one that would pause the stream again.
  body.removeAllListeners('data');
  body.on('data', (chunk: Uint8Array) => {
    left -= chunk.length;
    if (left < 0) cut();
  });
  body.resume();
}
