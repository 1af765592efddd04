// What this driver uses of node-zookeeper-client 1.1.3, which has no types of its own.
declare module 'node-zookeeper-client' {
  import type { Socket } from 'node:net';

  interface Exception extends Error {
    /** A code of ZooKeeper's `KeeperException`. */
    getCode(): number;
  }
  /** Numbers of 64 bits are 8 bytes, big-endian. */
  interface Stat {
    readonly version: number;
    /** The transaction that changed the value last. */
    readonly mzxid: Buffer;
    /** The transaction that changed the set of children last. */
    readonly pzxid: Buffer;
    /** The session that owns an ephemeral, otherwise zeros. */
    readonly ephemeralOwner: Buffer;
  }
  type Watcher = (event: unknown) => void;
  type Callback<A extends unknown[]> = (error: Exception | null | undefined, ...results: A) => void;

  interface Transaction {
    /** Ignores version 0: it then writes whatever version is there. */
    setData(path: string, data: Buffer, version: number): Transaction;
    commit(callback: Callback<[results: readonly { readonly stat?: Stat }[]]>): void;
  }

  interface WatcherEvent {
    readonly type: number;
    readonly path: string;
  }
  interface WatcherManager {
    registerDataWatcher(path: string, watcher: Watcher): void;
    registerExistenceWatcher(path: string, watcher: Watcher): void;
    registerChildWatcher(path: string, watcher: Watcher): void;
    isEmpty(): boolean;
    emit(event: WatcherEvent): void;
  }

  /** Not part of the library's public interface. */
  interface ConnectionManager {
    servers: { host: string; port: number }[];
    state: number;
    xid: number;
    /** The last transaction seen: 8 bytes. */
    readonly zxid: Buffer;
    connectTimeout: number;
    connectTimeoutHandler: NodeJS.Timeout | null;
    pendingBuffer: Buffer | null;
    watcherManager: WatcherManager;
    readonly packetQueue: { queue: unknown[] };
    /** Undefined before the first attempt to connect. */
    readonly socket: Socket | undefined;
    /** Sends a request when there is a connection; the callback gets the reply. */
    queue(
      request: {
        readonly header: { xid: number; readonly type: number };
        readonly payload: undefined;
        toBuffer(): Buffer;
      },
      callback: Callback<[]>,
    ): void;
    updateTimeout(sessionTimeoutMs: number): void;
    connect(): void;
    findNextServer(callback: (server: unknown) => void): void;
    onSocketConnected(): void;
    onSocketError(error: NodeJS.ErrnoException): void;
    onSocketData(data: Buffer): void;
  }

  interface Client {
    readonly connectionManager: ConnectionManager;
    connect(): void;
    close(): void;
    getSessionId(): Buffer;
    getSessionTimeout(): number;
    on(event: 'connected' | 'disconnected' | 'expired', listener: () => void): this;
    create(path: string, data: Buffer, mode: number, callback: Callback<[path: string]>): void;
    remove(path: string, version: number, callback: Callback<[]>): void;
    exists(path: string, watcher: Watcher | undefined, callback: Callback<[stat: Stat | null]>): void;
    getData(path: string, callback: Callback<[data: Buffer | undefined, stat: Stat]>): void;
    setData(path: string, data: Buffer, version: number, callback: Callback<[stat: Stat]>): void;
    getChildren(path: string, watcher: Watcher | undefined, callback: Callback<[children: string[], stat: Stat]>): void;
    transaction(): Transaction;
  }

  export function createClient(
    servers: string,
    options: {
      readonly sessionTimeout: number;
      readonly spinDelay: number;
      readonly retries: number;
      readonly sessionId?: Buffer;
      readonly sessionPassword?: Buffer;
    },
  ): Client;
  export const CreateMode: { readonly PERSISTENT: number; readonly EPHEMERAL: number };
}
