import type { Coordination } from '../../core/ports/coordination.js';
import type { EventLog } from '../../core/ports/event-log.js';
import { embeddedCoordination } from './coordination.js';
import { beginEpoch } from './epochs.js';
import { type EmbeddedLogOptions, embeddedLog } from './log.js';
import { openStore } from './store.js';

export interface EmbeddedOptions extends EmbeddedLogOptions {
  /** Where the data are; made if missing. One process at a time; within it the log and coordination may be opened together or apart. */
  readonly directory: string;
}

export interface Embedded {
  readonly log: EventLog;
  readonly coordination: Coordination;
  /** Closes both. */
  close(): Promise<void>;
}

/**
 * Opens the log and coordination in one directory. Throws an Error that says what to do where another process has the directory, a newer version wrote
 * it, or it is damaged.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const log = await openEmbeddedLog(options);
  try {
    const coordination = await openEmbeddedCoordination(options);
    return {
      log,
      coordination,
      async close() {
        await coordination.close();
        await log.close();
      },
    };
  } catch (error) {
    await log.close();
    throw error;
  }
}

/** Opens the log alone. There is one log per process and directory; opening a second one throws. */
export async function openEmbeddedLog(options: EmbeddedOptions): Promise<EventLog> {
  const store = await openStore(options.directory);
  if (store.taken.has('log')) {
    await store.release();
    throw new Error(`the log in ${options.directory} is open already in this process`);
  }
  store.taken.add('log');
  try {
    const { clock = Date.now } = options;
    return embeddedLog(store, await beginEpoch(store, clock(), Math.random()), options);
  } catch (error) {
    store.taken.delete('log');
    await store.release();
    throw error;
  }
}

/** Opens coordination alone. Each call gives a connection with a session of its own; all see the same records. */
export async function openEmbeddedCoordination(options: Pick<EmbeddedOptions, 'directory'>): Promise<Coordination> {
  const store = await openStore(options.directory);
  try {
    return embeddedCoordination(store);
  } catch (error) {
    await store.release();
    throw error;
  }
}
