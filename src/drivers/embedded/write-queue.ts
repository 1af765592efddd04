import type { MutableStatus } from '../../core/ports/dependency.js';
import type { WriteFailure } from './write-failure.js';

/** A change of one LMDB record. Null: remove it. */
export interface Mutation {
  readonly database: Writable;
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** The part of an LMDB database that is used for writing. */
export interface Writable {
  put(key: Uint8Array, value: Uint8Array): Promise<boolean>;
  remove(key: Uint8Array): Promise<boolean>;
}

/** Something to be written. In the end exactly one of `committed` and `failed` is called, unless `plan` said `refused`. */
export interface WriteOperation {
  /** Roughly how much it writes. */
  readonly bytes: number;
  /** It needs room for good: when the disk is full it must not take the rest of its group down with it. */
  readonly grows?: boolean;
  /**
   * What to write, decided when nothing else is in flight: what was committed before is in effect.
   * `later`: not in this group (it touches what this group changes already). `refused`: the operation has answered its caller itself.
   */
  plan(): readonly Mutation[] | 'later' | 'refused';
  /** It is durable. Must not throw. */
  committed(): void;
  failed(failure: WriteFailure): void;
  /** The disk has not answered for long: whoever waits is to be told that the outcome is unknown. `committed` or `failed` may still follow. */
  uncertain(failure: WriteFailure): void;
}

export interface WriteQueue {
  submit(operation: WriteOperation): void;
  /** Resolves when nothing is queued or in flight. */
  idle(): Promise<void>;
}

const MAX_GROUP_BYTES = 16 * 1024 * 1024;
const MAX_GROUP_OPERATIONS = 2_000;
const MAX_WAITING_OPERATIONS = 100_000;
const MAX_WAITING_BYTES = 256 * 1024 * 1024;
const STALL_MS = 10_000;

interface Planned {
  readonly operation: WriteOperation;
  readonly mutations: readonly Mutation[];
}

/**
 * Group commit: whatever arrives while one transaction is being written and synced forms the next, across all partitions and the coordination
 * records. One is in flight at a time, so that an operation plans on a known state, and a failed group changed nothing.
 *
 * @param commit writes the mutations in one transaction; resolves when they are durable.
 */
export function writeQueue(
  commit: (mutations: readonly Mutation[]) => Promise<WriteFailure | undefined>,
  status: MutableStatus,
): WriteQueue {
  let waiting: WriteOperation[] = [];
  let waitingBytes = 0;
  let running = false;
  /** Set while the disk does not answer, and for good after a failure that leaves the disk's state unknown. */
  let refusing: WriteFailure | undefined;
  let idlers: (() => void)[] = [];

  const takeGroup = (): Planned[] => {
    const group: Planned[] = [];
    const later: WriteOperation[] = [];
    let bytes = 0;
    let index = 0;
    for (; index < waiting.length; index++) {
      const operation = waiting[index];
      if (operation === undefined) continue;
      if (group.length >= MAX_GROUP_OPERATIONS || (bytes > 0 && bytes + operation.bytes > MAX_GROUP_BYTES)) break;
      const planned = operation.plan();
      if (planned === 'later') {
        later.push(operation);
        continue;
      }
      waitingBytes -= operation.bytes;
      if (planned === 'refused') continue;
      bytes += operation.bytes;
      group.push({ operation, mutations: planned });
    }
    waiting = later.concat(waiting.slice(index));
    return group;
  };

  const refuseWaiting = (failure: WriteFailure) => {
    const refused = waiting;
    waiting = [];
    waitingBytes = 0;
    for (const operation of refused) operation.failed(failure);
  };

  /** Commits one group. Tells its callers early when the disk does not answer for 10 s. */
  const write = async (group: readonly Planned[]): Promise<void> => {
    let stalled = false;
    const timer = setTimeout(() => {
      stalled = true;
      const message = `the disk has not answered for ${STALL_MS / 1000} s`;
      status.set('down', message);
      refusing = { kind: 'refused', message };
      for (const { operation } of group) operation.uncertain({ kind: 'unknown', message });
      refuseWaiting(refusing);
    }, STALL_MS);
    const failure = await commit(group.flatMap(({ mutations }) => mutations));
    clearTimeout(timer);
    if (failure?.kind === 'unknown') {
      // After a failed sync nobody knows what the disk holds until the files are opened anew.
      status.set('down', `${failure.message}; a restart is needed`);
      refusing = { ...failure, kind: 'refused', message: `${failure.message}; a restart is needed` };
    } else if (stalled) {
      refusing = undefined;
      status.set('up');
    }
    const others = group.filter(({ operation }) => operation.grows !== true);
    const again = failure?.kind === 'full' && others.length < group.length;
    for (const { operation } of group) {
      if (failure === undefined) operation.committed();
      else if (!again || operation.grows === true) operation.failed(failure);
    }
    if (again && others.length > 0) await write(others);
    if (refusing !== undefined) refuseWaiting(refusing);
  };

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const group = takeGroup();
      if (group.every(({ mutations }) => mutations.length === 0)) {
        for (const { operation } of group) operation.committed();
      } else await write(group);
      // Lets those that were just answered join the next group.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    running = false;
    const resolved = idlers;
    idlers = [];
    for (const resolve of resolved) resolve();
  };

  return {
    submit(operation) {
      if (refusing !== undefined) {
        operation.failed(refusing);
        return;
      }
      if (waiting.length >= MAX_WAITING_OPERATIONS || waitingBytes + operation.bytes > MAX_WAITING_BYTES) {
        operation.failed({ kind: 'refused', message: 'too much is waiting to be written' });
        return;
      }
      waiting.push(operation);
      waitingBytes += operation.bytes;
      if (running) return;
      running = true;
      setImmediate(() => void run());
    },
    idle: () => (running ? new Promise<void>((resolve) => idlers.push(resolve)) : Promise.resolve()),
  };
}
