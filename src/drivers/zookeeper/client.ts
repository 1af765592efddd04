import { performance } from 'node:perf_hooks';
import { CreateMode, createClient, type Exception, type Stat } from 'node-zookeeper-client';
import { Failure, failureOf } from './failure.js';
import { frameSplitter } from './frames.js';
import type { ServerAddress } from './servers.js';
import { syncRequest } from './sync.js';

/** What ZooKeeper knows of a node. */
export interface NodeStat {
  readonly version: number;
  /** The id of the session that owns it; zeros unless it is ephemeral. */
  readonly owner: string;
  /** The transactions that changed its value, and its set of children, last. */
  readonly valueAt: bigint;
  readonly childrenAt: bigint;
}

export type Fail = (failure: Failure) => void;

/** What happened to a node that is watched. The numbers are ZooKeeper's. */
export const NodeEvent = { created: 1, deleted: 2, changed: 3, children: 4 } as const;

/**
 * One life of a ZooKeeper session: it reconnects by itself to the next server while the session may live, and is of no more use after `expired`.
 * Operations are for the time between `connected` and `disconnected`; their callbacks come at once with the reply, before what follows it on
 * the link is looked at. An operation under way when the link breaks may never call back. No callback may throw.
 */
export interface Client {
  readonly sessionId: string;
  /** What the server granted, in milliseconds. */
  readonly sessionTimeoutMs: number;
  /** The last transaction that the server had carried out when it sent its last reply; 0 before the first. */
  readonly seen: bigint;
  create(node: string, value: Uint8Array, ephemeral: boolean, ok: () => void, fail: Fail): void;
  remove(node: string, version: number | undefined, ok: () => void, fail: Fail): void;
  exists(node: string, watch: boolean, ok: (stat: NodeStat | undefined) => void, fail: Fail): void;
  getData(node: string, ok: (value: Uint8Array, stat: NodeStat) => void, fail: Fail): void;
  setData(node: string, value: Uint8Array, version: number, ok: (version: number) => void, fail: Fail): void;
  getChildren(node: string, watch: boolean, ok: (names: string[], stat: NodeStat) => void, fail: Fail): void;
  /** Lets the server catch up with the leader. */
  sync(ok: () => void, fail: Fail): void;
  /** All or nothing. Versions must be 1 or more. */
  setAll(writes: readonly NodeWrite[], ok: (versions: number[]) => void, fail: Fail): void;
  /** Ends the session if it is connected, within 2 s, and then the client. Operations sent before are answered first. */
  close(): Promise<void>;
  /** Ends the client at once; it says nothing any more. The session, if there is one, is left to expire. */
  destroy(): void;
}

export interface NodeWrite {
  readonly node: string;
  readonly value: Uint8Array;
  readonly version: number;
}

interface ClientListener {
  /** `sentAt`: when this connection asked for the session (performance.now()), so that it lives at least from then on. */
  connected(sentAt: number): void;
  disconnected(): void;
  expired(): void;
  /** Why there is no connection, in words; for people. */
  trouble(why: string): void;
  /** A watch has fired, and with that is gone. */
  changed(event: number, node: string): void;
}

const closeWithinMs = 2000;
const spinDelayMs = 500;
const systemError = -1;
const sessionMoved = -118;
/** The codes that the library knows; it throws on others. */
const known = new Set([
  0, -1, -2, -3, -4, -5, -6, -7, -8, -100, -101, -102, -103, -108, -110, -111, -112, -113, -114, -115,
]);
const connecting = 1;
const watcher = () => undefined;

/**
 * Connects in the background. The library is not to be had elsewhere: this file is the only one that knows it. What is replaced in it, and why:
 *
 * - watches: it keeps them for ever and re-sends all in one packet, which may exceed the server's limit. Here events go to the listener.
 * - the splitting of replies: it copies what it holds with each reply, and mixes the rest of a broken connection into the next.
 * - error codes that it does not know make it throw in the socket's event.
 * - a server that accepts a connection and never answers is left after the connect timeout.
 * - it can only be closed when connected, and reconnects if it is closed at the wrong moment.
 */
export function connectClient(servers: readonly ServerAddress[], timeoutMs: number, listener: ClientListener): Client {
  const library = createClient('unused', { sessionTimeout: timeoutMs, spinDelay: spinDelayMs, retries: 0 });
  const manager = library.connectionManager;
  manager.servers = servers.map(({ host, port }) => ({ host, port }));
  manager.updateTimeout(timeoutMs);

  let disposed = false;
  let connected = false;
  let sentAt = 0;
  let unknownCode: number | undefined;
  let closed: () => void = () => undefined;

  manager.watcherManager = {
    registerDataWatcher: watcher,
    registerExistenceWatcher: watcher,
    registerChildWatcher: watcher,
    isEmpty: () => true,
    emit: (event) => listener.changed(event.type, event.path),
  };

  const original = {
    connect: manager.connect.bind(manager),
    findNextServer: manager.findNextServer.bind(manager),
    onSocketConnected: manager.onSocketConnected.bind(manager),
    onSocketError: manager.onSocketError.bind(manager),
    onSocketData: manager.onSocketData.bind(manager),
  };
  let split = frameSplitter(onFrame);

  manager.connect = () => {
    if (disposed) return;
    split = frameSplitter(onFrame);
    manager.pendingBuffer = null;
    manager.xid = 0;
    original.connect();
  };
  manager.findNextServer = (callback) => {
    original.findNextServer((server) => {
      if (!disposed) callback(server);
    });
  };
  manager.onSocketConnected = () => {
    const socket = manager.socket;
    sentAt = performance.now();
    original.onSocketConnected();
    const handshake = setTimeout(() => {
      if (manager.state === connecting && manager.socket === socket) {
        listener.trouble('it accepts connections and does not answer');
        socket?.destroy();
      }
    }, manager.connectTimeout);
    socket?.once('close', () => clearTimeout(handshake));
  };
  manager.onSocketError = (error) => {
    if (!disposed) listener.trouble(error.code ?? error.message);
    original.onSocketError(error);
  };
  manager.onSocketData = (chunk) => {
    try {
      split(chunk);
    } catch (error) {
      if (!disposed) listener.trouble(`a reply could not be read: ${error instanceof Error ? error.message : error}`);
      manager.socket?.destroy();
    }
  };

  function onFrame(frame: Buffer): void {
    if (disposed) return;
    unknownCode = undefined;
    if (manager.state !== connecting && frame.length >= 20 && frame.readInt32BE(4) >= 0) {
      const code = frame.readInt32BE(16);
      if (!known.has(code)) {
        if (code === sessionMoved) throw new Error('the session has moved to another connection');
        unknownCode = code;
        frame.writeInt32BE(systemError, 16);
      }
    }
    original.onSocketData(frame);
  }

  library.on('connected', () => {
    connected = true;
    if (!disposed) listener.connected(sentAt);
  });
  library.on('disconnected', () => {
    connected = false;
    // What was not sent yet must not be sent later: whoever asked has been told that the connection was lost.
    manager.packetQueue.queue.length = 0;
    closed();
    if (!disposed) listener.disconnected();
  });
  library.on('expired', () => {
    connected = false;
    if (!disposed) listener.expired();
  });

  const failure = (error: Exception): Failure => {
    const code = error.getCode();
    return failureOf(code === systemError && unknownCode !== undefined ? unknownCode : code);
  };

  function destroy(): void {
    if (disposed) return;
    disposed = true;
    connected = false;
    if (manager.connectTimeoutHandler !== null) clearTimeout(manager.connectTimeoutHandler);
    manager.packetQueue.queue.length = 0;
    manager.socket?.destroy();
  }

  library.connect();
  return {
    get sessionId() {
      return library.getSessionId().toString('hex');
    },
    get sessionTimeoutMs() {
      return library.getSessionTimeout();
    },
    get seen() {
      return manager.zxid.readBigInt64BE();
    },
    create: (node, value, ephemeral, ok, fail) =>
      library.create(node, asBuffer(value), ephemeral ? CreateMode.EPHEMERAL : CreateMode.PERSISTENT, (error) =>
        error ? fail(failure(error)) : ok(),
      ),
    remove: (node, version, ok, fail) =>
      library.remove(node, version ?? -1, (error) => (error ? fail(failure(error)) : ok())),
    exists: (node, watch, ok, fail) =>
      library.exists(node, watch ? watcher : undefined, (error, stat) =>
        error ? fail(failure(error)) : ok(stat ? toStat(stat) : undefined),
      ),
    getData: (node, ok, fail) =>
      library.getData(node, (error, data, stat) =>
        error ? fail(failure(error)) : ok(data ?? new Uint8Array(), toStat(stat)),
      ),
    setData: (node, value, version, ok, fail) =>
      library.setData(node, asBuffer(value), version, (error, stat) =>
        error ? fail(failure(error)) : ok(stat.version),
      ),
    getChildren: (node, watch, ok, fail) =>
      library.getChildren(node, watch ? watcher : undefined, (error, children, stat) =>
        error ? fail(failure(error)) : ok(children, toStat(stat)),
      ),
    sync: (ok, fail) => manager.queue(syncRequest(), (error) => (error ? fail(failure(error)) : ok())),
    setAll: (writes, ok, fail) => {
      const transaction = library.transaction();
      for (const { node, value, version } of writes) {
        // The library takes a 0 here for "any version", and would overwrite what others wrote.
        if (!(version >= 1)) throw new RangeError(`version ${version} in a multi`);
        transaction.setData(node, asBuffer(value), version);
      }
      transaction.commit((error, results) => {
        if (error) return fail(failure(error));
        const versions = results.flatMap(({ stat }) => (stat ? [stat.version] : []));
        if (versions.length === writes.length) ok(versions);
        else fail(new Failure('other', 'ZooKeeper answered a multi with another number of results'));
      });
    },
    close: async () => {
      if (connected && !disposed) {
        await new Promise<void>((resolve) => {
          const patience = setTimeout(resolve, closeWithinMs);
          closed = () => {
            clearTimeout(patience);
            resolve();
          };
          library.close();
        });
      }
      destroy();
    },
    destroy,
  };
}

function toStat(stat: Stat): NodeStat {
  return {
    version: stat.version,
    owner: stat.ephemeralOwner.toString('hex'),
    valueAt: stat.mzxid.readBigInt64BE(),
    childrenAt: stat.pzxid.readBigInt64BE(),
  };
}

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
