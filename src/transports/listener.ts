import type { Buffer } from 'node:buffer';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { byFirstBytes } from './first-bytes.js';
import { createHttp1 } from './http1.js';
import { createHttp2 } from './http2.js';
import { ListenError } from './listen-error.js';
import type { HttpHandler } from './node-http.js';

/** PEM, each of them. */
export interface TlsFiles {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Who signs clients' certificates: a client must show one. Undefined: clients need none. */
  readonly clientCa?: string | Buffer | undefined;
}

export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** TLS 1.2 or later; ALPN offers h2 and http/1.1. Undefined: cleartext. */
  readonly tls?: TlsFiles | undefined;
  /** Serves every request, of either version of HTTP. */
  readonly handler: HttpHandler;
  /** What went wrong on a connection, outside of any call: broken links, failed handshakes. For the log, at a low level. */
  readonly onError: (error: Error) => void;
  /** How long each of these may take: a TLS handshake, a connection's first bytes, HTTP/2's opening, a request's headers. Default 10,000. */
  readonly openingTimeoutMs?: number | undefined;
  /**
   * A client that is silent for so long, and answers no PING within a third of it, is gone: its connection is cut (HTTP/2). On HTTP/1.1, where
   * nobody can be asked, TCP finds out (keep-alive, after 30 s of silence). Default 30,000.
   */
  readonly silenceMs?: number | undefined;
  /** Connections at the same time; further ones are closed at once, and `onError` hears of it. Default 20,000. */
  readonly maxConnections?: number | undefined;
}

export interface Listener {
  /** As it stands in a URL: an IPv6 address in brackets. */
  readonly address: string;
  readonly port: number;
  /**
   * Stops accepting, closes idle connections, lets calls under way end (HTTP/2 clients are told by GOAWAY), and after `graceMs`
   * cuts what is left. Resolves when every connection is closed. May be called again, with less grace.
   */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** While the listener closes: so long a client may take to end its half of a connection that we have ended. */
const clientEndsWithinMs = 1_000;

/** One port for HTTP/1.1 and HTTP/2, told apart by the first bytes, cleartext or TLS. Throws a ListenError. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const {
    handler,
    onError,
    host,
    port,
    openingTimeoutMs = 10_000,
    maxConnections = 20_000,
    silenceMs = 30_000,
  } = options;
  const http1 = createHttp1(handler, onError, openingTimeoutMs);
  const http2 = createHttp2({ handler, onError, openingTimeoutMs, silenceMs });
  const sockets = new Set<Socket>();
  /** Connections that have not said yet what they speak. */
  const silent = new Set<Socket>();

  function accept(socket: Socket): void {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
    byFirstBytes(socket, openingTimeoutMs, (version) => {
      silent.delete(socket);
      (version === 2 ? http2 : http1).take(socket);
    });
  }

  // A dead peer is noticed also where nothing is to be sent: Node asks ten times, a second apart, after this silence. Half-open
  // connections are Node's HTTP parser's matter.
  const tcp = { keepAlive: true, keepAliveInitialDelay: 20_000, noDelay: true, allowHalfOpen: true };
  const server = options.tls
    ? createTlsServer(
        {
          ...tcp,
          cert: options.tls.cert,
          key: options.tls.key,
          ...(options.tls.clientCa && { ca: options.tls.clientCa, requestCert: true, rejectUnauthorized: true }),
          ALPNProtocols: ['h2', 'http/1.1'],
          minVersion: 'TLSv1.2',
          handshakeTimeout: openingTimeoutMs,
        },
        accept,
      ).on('tlsClientError', onError)
    : createServer(tcp, accept);
  server.maxConnections = maxConnections;
  server.on('drop', (drop) => {
    onError(
      new Error(
        `${maxConnections} connections are open; one from ${drop?.remoteAddress ?? 'somewhere'} was closed at once`,
      ),
    );
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  try {
    await opened(server, host, port);
  } catch (error) {
    http1.release();
    http2.release();
    throw error;
  }
  server.on('error', onError);

  let closing: Promise<void> | undefined;
  function drain(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    for (const socket of silent) socket.destroy();
    for (const socket of sockets) notWaitForClient(socket);
    http1.drain();
    http2.drain();
    return closed.then(() => {
      http1.release();
      http2.release();
    });
  }

  return {
    ...addressOf(server),
    async close({ graceMs }) {
      closing ??= drain();
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await closing;
      clearTimeout(timer);
    },
  };
}

/** A connection on which all was sent, and ended, is closed though its client keeps its half open: it may have stopped to read. */
function notWaitForClient(socket: Socket): void {
  const close = () => {
    const timer = setTimeout(() => socket.destroy(), clientEndsWithinMs);
    socket.once('close', () => clearTimeout(timer));
  };
  if (socket.writableFinished) close();
  else socket.once('finish', close);
}

function opened(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => reject(ListenError.from(error, host, port));
    server.once('error', failed);
    server.listen({ host, port }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

function addressOf(server: Server): { address: string; port: number } {
  const bound = server.address();
  if (bound === null || typeof bound === 'string')
    throw new TypeError('a server on a TCP port has an address and a port');
  return { address: bound.family === 'IPv6' ? `[${bound.address}]` : bound.address, port: bound.port };
}
