import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { cannotConnect, type KafkaLink, type LinkOptions, type RawRequest, unanswered } from './kafka-link.js';
import { ByteReader } from './protocol/wire.js';

// All that is specific to kafkajs. Of its package, pinned to 2.2.4, we use the inside: the connection to a broker with its handshake
// (API versions, SASL), framing and correlation. Requests and answers are encoded by ourselves, for speed, and because
// kafkajs hides what we need to know (whether a request was sent, which offsets a fetch covers, which topic an error is about).

interface Connection {
  readonly socket: Socket;
  readonly requestQueue: RequestQueue;
  isConnected(): boolean;
  nextCorrelationId(): number;
  rejectRequests(error: Error): void;
  disconnect(): Promise<unknown>;
}

interface RequestQueue {
  readonly pending: readonly unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  scheduleCheckPendingRequests(): void;
  checkPendingRequests(): void;
  push(request: {
    readonly entry: {
      readonly apiKey: number;
      readonly apiName: string;
      readonly apiVersion: number;
      readonly correlationId: number;
      resolve(answer: { readonly payload: Buffer }): void;
      reject(error: Error): void;
    };
    readonly expectResponse: boolean;
    sendRequest(): void;
  }): void;
}

interface Broker {
  readonly versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>;
  readonly connectionPool: { readonly pool: readonly Connection[] };
  connect(): Promise<void>;
}

interface Internals {
  readonly Broker: new (options: { connectionPool: object; logger: object; allowAutoTopicCreation: boolean }) => Broker;
  readonly ConnectionPool: new (options: object) => object;
  readonly createLogger: (options: object) => object;
}

const load = createRequire(import.meta.url);
// `require` is untyped; these are the shapes of 2.2.4's own sources.
const internals: Internals = {
  Broker: load('kafkajs/src/broker/index.js'),
  ConnectionPool: load('kafkajs/src/network/connectionPool.js'),
  createLogger: load('kafkajs/src/loggers/index.js').createLogger,
};
const logger = internals.createLogger({ level: 0, logCreator: () => () => undefined });

/** A link over kafkajs. */
export async function connectKafkajs(host: string, port: number, options: LinkOptions): Promise<KafkaLink> {
  const connectionPool = new internals.ConnectionPool({
    host,
    port,
    logger,
    clientId: options.clientId,
    connectionTimeout: options.connectTimeoutMs,
    // It would go by the clock of the machine, and look at all requests every 100 ms.
    enforceRequestTimeout: false,
    maxInFlightRequests: null,
    socketFactory: openSocket,
  });
  const broker = new internals.Broker({ connectionPool, logger, allowAutoTopicCreation: false });
  // A pool has a second connection, for fetches, which stays unconnected: we open a link per purpose ourselves.
  const connection = broker.connectionPool.pool[0];
  if (connection === undefined) throw cannotConnect(host, port, 'kafkajs has no connection');
  stopIdleTimer(connection.requestQueue);
  const late = setTimeout(() => destroy(connection, new Error('connecting took too long')), options.connectTimeoutMs);
  try {
    await broker.connect();
  } catch (error) {
    destroy(connection, new Error('connecting failed', { cause: error }));
    throw cannotConnect(host, port, error);
  } finally {
    clearTimeout(late);
  }
  return {
    isOpen: () => isOpen(connection),
    supports: (apiKey, apiVersion) => {
      const range = broker.versions[apiKey];
      return range !== undefined && range.minVersion <= apiVersion && apiVersion <= range.maxVersion;
    },
    exchange: (request) => exchange(connection, options.clientId, request),
    destroy: (why) => destroy(connection, why),
  };
}

function exchange(connection: Connection, clientId: string, request: RawRequest): Promise<Buffer> {
  const { apiKey, apiVersion, name, body, flexible = false } = request;
  return new Promise((resolve, reject) => {
    let sent = false;
    const fail = (error: unknown) => reject(unanswered(name, sent, error));
    if (!isOpen(connection)) return fail(new Error('the connection is closed'));
    const correlationId = connection.nextCorrelationId();
    const header = requestHeader(request, correlationId, clientId);
    const entry = {
      apiKey,
      apiName: name,
      apiVersion,
      correlationId,
      resolve: ({ payload }: { readonly payload: Buffer }) => resolve(flexible ? withoutTags(payload) : payload),
      reject: fail,
    };
    const sendRequest = () => {
      sent = true;
      connection.socket.cork();
      connection.socket.write(header);
      connection.socket.write(body);
      connection.socket.uncork();
    };
    try {
      connection.requestQueue.push({ entry, expectResponse: true, sendRequest });
    } catch (error) {
      fail(error);
    }
  });
}

// Its own word follows the socket's end only later: what it took meanwhile would get neither answer nor failure.
function isOpen(connection: Connection): boolean {
  return connection.isConnected() && connection.socket.writable;
}

function requestHeader(
  { apiKey, apiVersion, body, flexible }: RawRequest,
  correlationId: number,
  clientId: string,
): Buffer {
  const id = Buffer.from(clientId);
  const header = Buffer.alloc(14 + id.length + (flexible ? 1 : 0));
  header.writeInt32BE(header.length - 4 + body.length, 0);
  header.writeInt16BE(apiKey, 4);
  header.writeInt16BE(apiVersion, 6);
  header.writeInt32BE(correlationId, 8);
  header.writeInt16BE(id.length, 12);
  id.copy(header, 14);
  return header;
}

/** kafkajs knows no optional fields in an answer's header: they stand before the answer. */
function withoutTags(answer: Buffer): Buffer {
  const reader = new ByteReader(answer);
  reader.skipTags();
  return answer.subarray(reader.offset);
}

// kafkajs leaves Nagle's algorithm on, which holds small requests back for up to 40 ms.
function openSocket({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }): Socket {
  return connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, onConnect);
}

// kafkajs re-arms a timer of 1 ms for ever (its issue 1556), which costs 3 % of a core per idle connection. It is needed only
// while the broker throttles us, or requests wait.
function stopIdleTimer(queue: RequestQueue): void {
  queue.scheduleCheckPendingRequests = () => {
    if (queue.pending.length === 0 || queue.throttleCheckTimeoutId !== null) return;
    queue.throttleCheckTimeoutId = setTimeout(
      () => {
        queue.throttleCheckTimeoutId = null;
        queue.checkPendingRequests();
      },
      Math.max(10, queue.throttledUntil - Date.now()),
    );
  };
}

// A connection of kafkajs is never used again after trouble: it would go on with what it had read of an answer before.
function destroy(connection: Connection, why: Error): void {
  connection.rejectRequests(why);
  connection.disconnect().catch(() => undefined);
  // Undefined before the first attempt to connect, whatever the type says.
  const socket: Socket | undefined = connection.socket;
  socket?.destroy(socket.connecting ? why : undefined);
}
