import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { answerUnreadable } from './cut-bodies.js';
import { holdBody } from './expect-continue.js';
import { guarded } from './guarded-handler.js';
import { cutLateBodies } from './late-bodies.js';
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

/** How often it is looked for requests that take too long to come in. */
const lookEveryMs = 5_000;

/** HTTP/1.1. Answers may take any time, since streams do; headers, bodies and idle connections may not. */
export function createHttp1(handler: HttpHandler, onError: (error: Error) => void, headersTimeoutMs: number): HttpPart {
  const server = createServer({
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: headersTimeoutMs,
    // See late-bodies.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.ceil(headersTimeoutMs / 5),
    // Longer than balancers keep idle connections, so that it is they who close them.
    keepAliveTimeout: 75_000,
  });
  /** The answers that are under way and since when, by connection; more than one where requests are pipelined. */
  const connections = new Map<Socket, Map<ServerResponse, number>>();
  let draining = false;
  const serve = guarded(handler, onError);

  const serveNext = (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const open = connections.get(socket);
    open?.set(response, performance.now());
    if (draining) response.shouldKeepAlive = false;
    response.once('close', () => {
      open?.delete(response);
      if (draining && open?.size === 0) socket.destroySoon();
    });
    serve(request, response);
  };
  server.on('request', serveNext);
  server.on('clientError', (error, socket) => {
    // Node hands out what it was given: the connections of the listener.
    if (socket instanceof Socket) answerUnreadable(error, socket, connections.get(socket));
    else socket.destroy(error);
  });
  server.on('checkContinue', (request, response) => {
    holdBody(request, response);
    serveNext(request, response);
  });
  const late = setInterval(() => {
    const now = performance.now();
    for (const open of connections.values()) cutLateBodies(open, now);
  }, lookEveryMs).unref();
  // What checks the timeouts starts with this event, which comes only to a server that listens by itself.
  server.emit('listening');

  return {
    take(socket) {
      connections.set(socket, new Map());
      socket.once('close', () => connections.delete(socket));
      server.emit('connection', socket);
    },
    drain() {
      draining = true;
      for (const [socket, open] of connections) {
        for (const response of open.keys()) if (!response.headersSent) response.shouldKeepAlive = false;
        if (open.size === 0) socket.destroySoon();
      }
    },
    release() {
      clearInterval(late);
      server.close();
    },
  };
}
