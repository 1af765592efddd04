import type { DependencyStatus } from './dependency.js';

/** The components of a record's name; each may be any non-empty string of up to 250 characters: the driver encodes them. */
export type Path = readonly string[];

/**
 * Small linearizable records in a tree. What every driver promises:
 *
 * - A record has a value (up to 900 KiB) and a version: 0 when created, one more with each write. A record that was deleted and created anew
 *   starts at 0 again, so versions compare only within one life.
 * - `set` and `delete` with a version are compare-and-set: of several racing writers with one version exactly one succeeds.
 * - A read sees every write that was acknowledged to this process before. One that was acknowledged to another process may be missing
 *   from it for a while (seconds, in a ZooKeeper ensemble): no final refusal rests on a read without a `sync` before it.
 * - Errors are `CoordinationError`s. `unavailable` on a write means that it may or may not have happened.
 */
export interface Coordination {
  /** `embedded`, `zookeeper`, …: for logs and messages. */
  readonly driver: string;
  /** How it is now. Calls while it is down fail as `unavailable` within 10 s or so; they do not wait for ever. */
  readonly status: DependencyStatus;

  /** Undefined where there is no such record. */
  get(path: Path): Promise<Entry | undefined>;
  /** Creates a record, with empty parents where they are missing. `exists` if it is there already. */
  create(path: Path, value: Uint8Array): Promise<void>;
  /** Writes a record that has this version; returns the new version. `conflict`, `missing`. */
  set(path: Path, value: Uint8Array, version: number): Promise<number>;
  /** Writes many records, each for itself: not atomic, and one that fails never hinders another. Order among them is not promised. */
  setMany(writes: readonly Write[]): Promise<WriteOutcome[]>;
  /** Deletes a record without children, with this version if given. `conflict`, `missing`, `not_empty`. */
  delete(path: Path, version?: number): Promise<void>;
  /** The last components of a record's children, in no order; empty where there is no such record. */
  children(path: Path): Promise<string[]>;
  /** Resolves when reads see every write that was acknowledged to any process before this call. `unavailable`. */
  sync(): Promise<void>;
  /**
   * Calls back after the value (or existence), or the set of children, may have changed: at least once after the last change, so that
   * a read from within the callback never misses it; also spuriously, and always after a new session. It does not call for the state at the start:
   * watch first, then read. Children's own values are not watched.
   */
  watch(path: Path, what: 'value' | 'children', listener: () => void): () => void;
  /** The current session, or the next one if there is none: waits for it up to the usual time, then `unavailable`. */
  session(): Promise<Session>;
  /** Ends the session (its ephemerals vanish at once), and releases everything. */
  close(): Promise<void>;
}

export interface Entry {
  readonly value: Uint8Array;
  readonly version: number;
}

export interface Write {
  readonly path: Path;
  readonly value: Uint8Array;
  readonly version: number;
}

/** The new version, or why it was not written. */
export type WriteOutcome = { readonly version: number } | { readonly error: CoordinationError };

/**
 * What binds ephemerals to this process. When the process dies or is cut off they vanish within the session timeout
 * (embedded: at once; ZooKeeper: default 6 s).
 */
export interface Session {
  readonly id: string;
  /** Creates a record that vanishes with this session. `exists`, or `session_lost`. */
  createEphemeral(path: Path, value: Uint8Array): Promise<void>;
  /**
   * Aborted when the session is over, or when this process can no longer be sure that it is not: always before
   * anybody else can see the ephemerals vanish (by this process's monotonic clock).
   */
  readonly lost: AbortSignal;
  /** Whether this process may still act as the holder: checked by the clock, and so true even after the process was paused. */
  isLive(): boolean;
}

export type CoordinationErrorKind =
  | 'exists'
  | 'missing'
  | 'conflict'
  | 'not_empty'
  | 'too_large'
  | 'session_lost'
  | 'storage_full'
  | 'unavailable';

export class CoordinationError extends Error {
  override readonly name = 'CoordinationError';
  constructor(
    readonly kind: CoordinationErrorKind,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}
