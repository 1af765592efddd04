import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { noSniff } from './no-sniff.js';
import type { HttpRequest } from './node-http.js';

const notices = new WeakSet<HttpRequest>();
const cut = new WeakSet<HttpRequest>();

/** Whether a body came to its end: one that was cut ends as well. */
export function isWhole(request: HttpRequest): boolean {
  return request.complete && !request.aborted && !cut.has(request);
}

/** Says that whoever reads this request looks at `isWhole` at its end: a body that was cut ends as if it were whole. */
export function noticeCut(request: HttpRequest): void {
  notices.add(request);
}

/** Statuses of what Node's parser refuses; 400 for all else. */
const statuses: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/**
 * Answers what cannot be read as HTTP/1.1, as Node does by itself, with one exception: a client that closes its half in the middle of a
 * body still reads, and is owed an answer that tells what became of the part that came. Its request ends, and its handler answers.
 *
 * @param underWay the answers under way on the connection
 */
export function answerUnreadable(
  error: Error & { readonly code?: string },
  socket: Socket,
  underWay: ReadonlyMap<ServerResponse, number> | undefined,
): void {
  const [response] = [...(underWay?.keys() ?? [])].slice(-1);
  if (error.code === 'HPE_INVALID_EOF_STATE' && response && !response.req.complete && notices.has(response.req)) {
    response.shouldKeepAlive = false;
    response.once('finish', () => socket.destroySoon());
    cut.add(response.req);
    // Else Node would destroy the connection with the request's end, as that of an aborted one.
    response.req.complete = true;
    response.req.push(null);
    return;
  }
  // Nothing may be written into the middle of an answer.
  if (socket.writable && !response?.headersSent) {
    const [[name, value] = []] = Object.entries(noSniff);
    const status = statuses[error.code ?? ''] ?? '400 Bad Request';
    socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\n${name}: ${value}\r\n\r\n`);
  }
  socket.destroy(error);
}
