import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, open, type RootDatabase, type RootDatabaseOptions } from 'lmdb';
import { MutableStatus } from '../../core/ports/dependency.js';
import { dataFileFault } from './data-file-check.js';
import { damaged, dataFile, type OwnedDirectory, ownDirectory, syncDirectory } from './directory.js';
import { explainFailure, type WriteFailure } from './write-failure.js';
import { type Mutation, type WriteQueue, writeQueue } from './write-queue.js';

export type Table = Database<Uint8Array, Uint8Array>;

/** One LMDB environment in one owned directory, shared by the log and the coordination of a process. */
export interface Store {
  readonly directory: string;
  readonly status: MutableStatus;
  readonly queue: WriteQueue;
  /** Log: counters by name. */
  readonly meta: Table;
  /** Log: topics by name. */
  readonly topics: Table;
  /** Log: numbers of deleted topics whose records are still to be removed. */
  readonly deleted: Table;
  /** Log: where a partition starts, after truncation. */
  readonly starts: Table;
  /** Log: in which epochs the records of a partition were written, and from which offset on. */
  readonly epochs: Table;
  /** Log: batches of records. */
  readonly batches: Table;
  /** Coordination: parent and name of each record, by its number. */
  readonly nodes: Table;
  /** Coordination: version and value of each record, by its number. */
  readonly values: Table;
  /** Roles that are taken: there is one log per process and directory. */
  readonly taken: Set<string>;
  /** Lets what is queued be written; the last user closes the files and gives up the directory. */
  release(): Promise<void>;
}

interface Shared {
  users: number;
  readonly opened: Promise<{ readonly store: Store; close(): Promise<void> }>;
}

const stores = new Map<string, Shared>();
const closing = new Map<string, Promise<void>>();

/** Opens a directory's store, or joins those in this process that have it open. Throws as `ownDirectory` does. */
export async function openStore(directory: string): Promise<Store> {
  await mkdir(directory, { recursive: true });
  const key = await realpath(directory);
  await closing.get(key);
  let shared = stores.get(key);
  if (shared === undefined) {
    shared = { users: 0, opened: openFiles(directory) };
    stores.set(key, shared);
  }
  shared.users += 1;
  const mine = shared;
  const leave = async (close: () => Promise<void>): Promise<void> => {
    mine.users -= 1;
    if (mine.users > 0) return;
    stores.delete(key);
    const closed = close();
    closing.set(key, closed);
    await closed.finally(() => closing.delete(key));
  };
  try {
    const { store, close } = await shared.opened;
    let released: Promise<void> | undefined;
    return { ...store, release: () => (released ??= store.queue.idle().then(() => leave(close))) };
  } catch (error) {
    await leave(() => Promise.resolve());
    throw error;
  }
}

/** `overlappingSync` off: a commit that resolves is on the disk, and one that fails is not in the file. */
const environment: RootDatabaseOptions & { readonly txnStartThreshold: number } = {
  encoding: 'binary',
  keyEncoding: 'binary',
  noSubdir: true,
  maxDbs: 12,
  overlappingSync: false,
  eventTurnBatching: false,
  // Start writing when the whole group is handed over.
  txnStartThreshold: 1_000_000_000,
};

async function openFiles(directory: string): Promise<{ readonly store: Store; close(): Promise<void> }> {
  const owned = await ownDirectory(directory);
  let root: RootDatabase<Uint8Array, Uint8Array> | undefined;
  try {
    const fault = await dataFileFault(join(directory, dataFile));
    if (fault !== undefined) throw new Error(fault);
    root = open<Uint8Array, Uint8Array>(join(directory, dataFile), environment);
    const store = assemble(owned, root);
    await syncDirectory(directory);
    const opened = root;
    return {
      store,
      async close() {
        await opened.close();
        await owned.close();
      },
    };
  } catch (error) {
    await root?.close();
    await owned.close();
    throw damaged(directory, `${dataFile} cannot be opened: ${error instanceof Error ? error.message : error}`, error);
  }
}

function assemble(owned: OwnedDirectory, root: RootDatabase<Uint8Array, Uint8Array>): Store {
  const table = (name: string): Table =>
    root.openDB<Uint8Array, Uint8Array>({ name, encoding: 'binary', keyEncoding: 'binary' });
  const commit = async (mutations: readonly Mutation[]): Promise<WriteFailure | undefined> => {
    try {
      await root.batch(() => {
        for (const { database, key, value } of mutations) {
          // The batch's own promise speaks for all of them.
          if (value === null) void database.remove(key);
          else void database.put(key, value);
        }
      });
      return undefined;
    } catch (error) {
      return await explainFailure(owned.path, error);
    }
  };
  const status = new MutableStatus(`embedded ${owned.path}`);
  const store: Store = {
    directory: owned.path,
    status,
    queue: writeQueue(commit, status),
    meta: table('meta'),
    topics: table('topics'),
    deleted: table('deleted'),
    starts: table('starts'),
    epochs: table('epochs'),
    batches: table('batches'),
    nodes: table('nodes'),
    values: table('values'),
    taken: new Set(),
    release: () => Promise.resolve(),
  };
  status.set('up');
  return store;
}
