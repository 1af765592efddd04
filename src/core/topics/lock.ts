import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import { type Coordination, CoordinationError, type Path, type Session } from '../ports/coordination.js';

/** What the holder of a topic's lock can ask. */
export interface TopicLock {
  /** Throws COORDINATION_UNAVAILABLE once the lock may have passed to somebody else: ask before each step. */
  check(): void;
}

/** Runs a sequence under a topic's lock. */
export type Locked = <T>(name: string, run: (lock: TopicLock) => Promise<T>) => Promise<T>;

interface LockPorts {
  readonly clock: Clock;
  readonly coordination: Coordination;
}

const lockPath = (name: string): Path => ['locks', 'topics', name];

const empty = new Uint8Array();
const releaseRetryMs = 1_000;

/**
 * Runs a sequence that creates, changes or deletes a topic, one at a time over all instances: an ephemeral is the lock, so that it
 * falls when its holder dies. Waits for up to `wait.ms` (TOPIC_NOT_READY), or until the signal aborts.
 */
export async function withTopicLock<T>(
  ports: LockPorts,
  name: string,
  wait: { readonly ms: number; readonly signal: AbortSignal },
  run: (lock: TopicLock) => Promise<T>,
): Promise<T> {
  // Tells this call's lock from all others, also where the answer to its creation or deletion was lost.
  const token = ports.clock.uuid();
  const session = await acquire(ports, name, token, wait);
  const lock: TopicLock = {
    check: () => {
      if (session.isLive()) return;
      throw new BusError(
        'COORDINATION_UNAVAILABLE',
        `the session ended while topic ${name} was being changed; try again`,
      );
    },
  };
  try {
    return await run(lock);
  } finally {
    await release(ports, session, name, token);
  }
}

async function acquire(
  ports: LockPorts,
  name: string,
  token: string,
  { ms, signal }: { readonly ms: number; readonly signal: AbortSignal },
): Promise<Session> {
  const { clock, coordination } = ports;
  const deadline = clock.now() + ms;
  const released = watchRelease(ports, name, signal);
  try {
    for (;;) {
      signal.throwIfAborted();
      const session = await coordination.session();
      if (await tryCreate(ports, session, name, token)) return session;
      const left = deadline - clock.now();
      if (left <= 0)
        throw new BusError('TOPIC_NOT_READY', `topic ${name} is being changed by another call; try again shortly`);
      await released.next(left);
    }
  } finally {
    released.close();
  }
}

async function tryCreate(ports: LockPorts, session: Session, name: string, token: string): Promise<boolean> {
  const { coordination } = ports;
  try {
    await session.createEphemeral(lockPath(name), new TextEncoder().encode(token));
    return true;
  } catch (error) {
    if (!(error instanceof CoordinationError)) throw error;
    if (error.kind === 'exists') return isHolder(coordination, name, token);
    if (error.kind !== 'missing') {
      // It may exist after all, and would last as long as the session.
      void release(ports, session, name, token);
      throw error;
    }
    await coordination.create(['locks', 'topics'], empty).catch(ignoreExists);
    return tryCreate(ports, session, name, token);
  }
}

async function isHolder(coordination: Coordination, name: string, token: string): Promise<boolean> {
  const entry = await coordination.get(lockPath(name));
  return entry !== undefined && new TextDecoder().decode(entry.value) === token;
}

/**
 * Removes the lock if it is this call's; where coordination does not answer, tries again in the background for as long as the session
 * lives. With the session gone the ephemeral is gone too.
 */
async function release(ports: LockPorts, session: Session, name: string, token: string): Promise<void> {
  if (!session.isLive()) return;
  const { clock, coordination } = ports;
  try {
    if (await isHolder(coordination, name, token)) await coordination.delete(lockPath(name));
  } catch (error) {
    if (error instanceof CoordinationError && error.kind === 'missing') return;
    clock.setTimeout(() => void release(ports, session, name, token), releaseRetryMs).unref();
  }
}

function ignoreExists(error: unknown): void {
  if (!(error instanceof CoordinationError && error.kind === 'exists')) throw error;
}

/** Waits for a change of the lock since the last wait, so that no release is missed between looking and waiting. */
function watchRelease({ clock, coordination }: LockPorts, name: string, signal: AbortSignal) {
  let changed = false;
  let wake: (() => void) | undefined;
  const notify = () => {
    changed = true;
    wake?.();
  };
  const unwatch = coordination.watch(lockPath(name), 'value', notify);
  signal.addEventListener('abort', notify);
  return {
    next: (ms: number) =>
      new Promise<void>((resolve) => {
        const timer = clock.setTimeout(() => wake?.(), ms);
        wake = () => {
          timer.close();
          wake = undefined;
          changed = false;
          resolve();
        };
        if (changed) wake();
      }),
    close: () => {
      unwatch();
      signal.removeEventListener('abort', notify);
    },
  };
}
