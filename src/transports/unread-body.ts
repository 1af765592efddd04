import type { HttpRequest, HttpResponse } from './node-http.js';

/** How much of a request is still read after its answer was given: more than one message over the limit has, usually. */
const mostBytes = 64 * 1024 * 1024;
const mostMs = 10_000;

/**
 * Reads away what is left of a request that was answered early (a message over the limit, an unknown path): a client that is still
 * sending would otherwise wait for ever for room to send, and never look at the answer. Beyond the limits the stream (HTTP/2) or the
 * connection (HTTP/1.1) is cut.
 */
export function discardUnread(request: HttpRequest, response: HttpResponse): void {
  // HTTP/2's response says `finish` only when the stream is closed; the stream itself says it when the answer is written.
  const answered = 'stream' in request ? request.stream : response;
  answered.once('finish', () => {
    const body = 'stream' in request ? request.stream : request;
    if (body.destroyed || body.readableEnded) return;
    let left = mostBytes;
    const cut = () => body.destroy();
    const timer = setTimeout(cut, mostMs);
    body.once('close', () => clearTimeout(timer));
    body.once('end', () => clearTimeout(timer));
    // The compatibility layer's own listener would pause the stream again.
    body.removeAllListeners('data');
    body.on('data', (chunk: Uint8Array) => {
      left -= chunk.length;
      if (left < 0) cut();
    });
    body.resume();
  });
}
