import { createServer, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { guarded } from './guarded-handler.js';
import type { HttpHandler } from './node-http.js';

/** A part of the listener that serves connections of one version of HTTP. */
export interface HttpPart {
  /** Serves a connection, whose first bytes are still to be read. */
  take(socket: Socket): void;
  /** From now on connections are closed as soon as no call is under way on them. */
  drain(): void;
  /** Lets go of the rest, once every connection is closed. */
  release(): void;
}

/** Request line and headers together, in bytes. */
export const maxHeaderBytes = 32 * 1024;

/** How long a request may take to come in whole. No stream comes in over HTTP/1.1; a call's 16 MiB take this long at 1 Mbit/s. */
const wholeRequestMs = 120_000;

/** HTTP/1.1. Answers may take any time, since streams do; headers, bodies and idle connections may not. */
export function createHttp1(handler: HttpHandler, onError: (error: Error) => void, headersTimeoutMs: number): HttpPart {
  const server = createServer({
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: headersTimeoutMs,
    requestTimeout: wholeRequestMs,
    connectionsCheckingInterval: Math.ceil(headersTimeoutMs / 5),
    // Longer than balancers keep idle connections, so that it is they who close them.
    keepAliveTimeout: 75_000,
  });
  /** The answers that are under way, by connection; more than one where requests are pipelined. */
  const connections = new Map<Socket, Set<ServerResponse>>();
  let draining = false;
  const serve = guarded(handler, onError);

  server.on('request', (request, response) => {
    const { socket } = request;
    const open = connections.get(socket);
    open?.add(response);
    if (draining) response.shouldKeepAlive = false;
    response.once('close', () => {
      open?.delete(response);
      if (draining && open?.size === 0) socket.destroySoon();
    });
    serve(request, response);
  });
  // What checks the timeouts starts with this event, which comes only to a server that listens by itself.
  server.emit('listening');

  return {
    take(socket) {
      connections.set(socket, new Set());
      socket.once('close', () => connections.delete(socket));
      server.emit('connection', socket);
    },
    drain() {
      draining = true;
      for (const [socket, open] of connections) {
        for (const response of open) if (!response.headersSent) response.shouldKeepAlive = false;
        if (open.size === 0) socket.destroySoon();
      }
    },
    release: () => void server.close(),
  };
}
