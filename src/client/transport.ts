import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  type GrpcTransportOptions,
  Http2SessionManager,
} from '@connectrpc/connect-node';
import { type Connection, normalizeAddress, readMaxBytes } from './connection.js';

/** The wire protocol: all three carry the same calls. */
export type Protocol = 'connect' | 'grpc' | 'grpc-web';

export interface ConnectionOptions {
  /** The server, such as `http://127.0.0.1:8080`; `https:` for TLS. A bare `host:port` means `http:`. */
  readonly address: string;
  /** Default `connect`. */
  readonly protocol?: Protocol | undefined;
  /** Default `2` (cleartext or TLS). `1.1` where a proxy allows no more; without `publishBatches` and `grpc`. */
  readonly httpVersion?: '1.1' | '2' | undefined;
  /** Milliseconds until a call that is not a stream fails as DEADLINE_EXCEEDED. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string | undefined;
}

/** What one connection may hold of its calls' bytes, in MB. By Node's default, 10, calls fail that are large or many: one batch may have 8 MiB. */
const maxSessionMemory = 512;
/** A link that is dead without saying so is noticed after these two together. */
const pingIntervalMs = 20_000;
const pingTimeoutMs = 10_000;

/** Prepares a connection; it is opened by the first call, and again by the next call after it broke. */
export function openConnection(options: ConnectionOptions): Connection {
  const address = normalizeAddress(options.address);
  const protocol = options.protocol ?? 'connect';
  const tls = options.ca === undefined ? {} : { ca: options.ca };
  // Compressed answers cost several times the CPU that they save in bytes.
  const common = { baseUrl: address, acceptCompression: [], readMaxBytes };

  if (options.httpVersion === '1.1') {
    if (protocol === 'grpc') throw new TypeError('gRPC needs HTTP/2: use the protocol connect or grpc-web');
    const agent = address.startsWith('https:')
      ? new HttpsAgent({ keepAlive: true, ...tls })
      : new HttpAgent({ keepAlive: true });
    const http1 = { ...common, httpVersion: '1.1' as const, nodeOptions: { agent } };
    return {
      address,
      transport: protocol === 'connect' ? createConnectTransport(http1) : createGrpcWebTransport(http1),
      close: () => agent.destroy(),
    };
  }

  const sessions = new Http2SessionManager(
    address,
    { pingIntervalMs, pingTimeoutMs },
    { ...tls, maxSessionMemory, settings: { initialWindowSize: 1024 * 1024, enablePush: false } },
  );
  const http2 = { ...common, httpVersion: '2' as const, sessionManager: withoutLateErrors(sessions) };
  const create = { connect: createConnectTransport, grpc: createGrpcTransport, 'grpc-web': createGrpcWebTransport };
  return { address, transport: create[protocol](http2), close: () => sessions.abort() };
}

/** What connect takes for the HTTP/2 connection of a transport; its own name for it is not exported. */
type SessionManager = NonNullable<GrpcTransportOptions['sessionManager']>;

/**
 * connect stops listening to a session with its first error. One that is told an error twice (by a server that does not speak HTTP/2: the
 * protocol error, and the end of the socket) would end the process with the second.
 */
function withoutLateErrors(sessions: Http2SessionManager): SessionManager {
  const seen = new WeakSet<object>();
  return {
    authority: sessions.authority,
    async request(...args: Parameters<SessionManager['request']>) {
      const stream = await sessions.request(...args);
      const { session } = stream;
      if (session !== undefined && !seen.has(session)) {
        seen.add(session);
        session.on('error', () => undefined);
      }
      return stream;
    },
    notifyResponseByteRead: (stream) => sessions.notifyResponseByteRead(stream),
  };
}
