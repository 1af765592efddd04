import { createServer, type ServerHttp2Session } from 'node:http2';
import { guarded } from './guarded-handler.js';
import { type HttpPart, maxHeaderBytes } from './http1.js';
import type { HttpHandler } from './node-http.js';

const MiB = 1024 * 1024;
/** Calls at the same time on one connection. */
const maxConcurrentStreams = 1_000;
/** How much a client may send ahead of what is read: per call, and per connection. The protocol's default, 64 KiB, halts fast publishers. */
const streamWindowBytes = MiB;
const sessionWindowBytes = 8 * MiB;
/** What one connection may hold in buffers before it gets no new calls, in MB. */
const maxSessionMemory = 64;

/** HTTP/2, with and without TLS. */
export function createHttp2(handler: HttpHandler, onError: (error: Error) => void): HttpPart {
  const server = createServer({
    maxSessionMemory,
    settings: {
      maxConcurrentStreams,
      initialWindowSize: streamWindowBytes,
      maxHeaderListSize: maxHeaderBytes,
      enablePush: false,
    },
  });
  const sessions = new Set<ServerHttp2Session>();
  let draining = false;

  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.setLocalWindowSize(sessionWindowBytes);
    if (draining) session.close();
  });
  server.on('sessionError', onError);
  server.on('request', guarded(handler, onError));

  return {
    take(socket) {
      // Else a client that closes while much is to be written to it would never be noticed: HTTP/2 has no half-open connections.
      socket.allowHalfOpen = false;
      server.emit('connection', socket);
    },
    drain() {
      draining = true;
      // GOAWAY: calls that are under way end by themselves, and with the last one the connection.
      for (const session of sessions) session.close();
    },
    release: () => void server.close(),
  };
}
