import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { holdBody } from './expect-continue.js';
import { guarded } from './guarded-handler.js';
import { type HttpPart, maxHeaderBytes } from './http1.js';
import type { HttpHandler, StreamHandler } from './node-http.js';
import { watchSilence } from './silent-sessions.js';

const MiB = 1024 * 1024;
/** Calls at the same time on one connection. */
const maxConcurrentStreams = 1_000;
/** How much a client may send ahead of what is read: per call, and per connection. The protocol's default, 64 KiB, halts fast publishers. */
const streamWindowBytes = MiB;
const sessionWindowBytes = 8 * MiB;
/** What one connection may hold in buffers before it gets no new calls, in MB. */
const maxSessionMemory = 64;

export interface Http2Options {
  readonly handler: HttpHandler;
  readonly onError: (error: Error) => void;
  readonly openingTimeoutMs: number;
  /** How long a client may be silent, PINGs included, before its connection is cut. */
  readonly silenceMs: number;
}

/** HTTP/2, with and without TLS. */
export function createHttp2({ handler, onError, openingTimeoutMs, silenceMs }: Http2Options): HttpPart {
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
  const silent = watchSilence(silenceMs);
  let draining = false;
  /** The connection that is just being taken: its session comes at once. */
  let taken: Socket | undefined;

  server.on('session', (session) => {
    sessions.add(session);
    if (taken) silent.watch(session, taken);
    session.once('close', () => sessions.delete(session));
    expectOpening(session, openingTimeoutMs);
    session.setLocalWindowSize(sessionWindowBytes);
    if (draining) session.close();
  });
  server.on('sessionError', onError);
  const serve = guarded(handler, onError);
  server.on('request', serve);
  server.on('checkContinue', (request, response) => {
    holdBody(request, response);
    serve(request, response);
  });
  if (handler.stream) offerStreams(server, handler.stream, onError);

  return {
    take(socket) {
      // Else a client that closes while much is to be written to it would never be noticed: HTTP/2 has no half-open connections.
      socket.allowHalfOpen = false;
      taken = socket;
      server.emit('connection', socket);
      taken = undefined;
    },
    drain() {
      draining = true;
      // GOAWAY: calls that are under way end by themselves, and with the last one the connection.
      for (const session of sessions) session.close();
    },
    release() {
      silent.close();
      server.close();
    },
  };
}

/** Whoever begins like HTTP/2 and then never says how it wants to be spoken to (which a client says first of all) is cut off. */
function expectOpening(session: ServerHttp2Session, timeoutMs: number): void {
  const timer = setTimeout(() => session.destroy(), timeoutMs);
  session.once('remoteSettings', () => clearTimeout(timer));
  session.once('close', () => clearTimeout(timer));
}

/** Puts `first` in front of what makes requests and responses of streams: the listener that Node has added for the event `request`. */
function offerStreams(server: Http2Server, first: StreamHandler, onError: (error: Error) => void): void {
  const listeners = server.listeners('stream');
  server.removeAllListeners('stream');
  server.on('stream', (stream, headers, ...rest) => {
    const otherwise = () => {
      for (const listener of listeners) Reflect.apply(listener, server, [stream, headers, ...rest]);
    };
    first(stream, headers, otherwise, onError);
  });
}
