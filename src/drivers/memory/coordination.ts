import type { Clock } from '../../core/ports/clock.js';
import { type Coordination, CoordinationError } from '../../core/ports/coordination.js';
import { MutableStatus } from '../../core/ports/dependency.js';
import { keepSession, toCoordinationError } from './lease.js';
import type { Link } from './link.js';
import type { Records } from './records.js';
import type { Sessions } from './sessions.js';

export interface MemoryCoordination extends Coordination {
  /** Loses the session, as a client does whose servers do not answer; the world lets it last for its timeout. */
  loseSession(): void;
}

export interface CoordinationClient {
  readonly link: Link;
  readonly clock: Clock;
  /** Milliseconds; default 6,000. */
  readonly sessionTimeoutMs?: number | undefined;
}

/** How long `session()` waits for one. */
const sessionWaitMs = 10_000;

/** A client of its own of the world's records, with a session of its own. */
export function openCoordination(
  records: Records,
  sessions: Sessions,
  { link, clock, sessionTimeoutMs = 6_000 }: CoordinationClient,
): MemoryCoordination {
  const status = new MutableStatus('memory coordination', clock);
  const watches = new Set<{ changed(): void; stop(): void }>();
  let closed: Promise<void> | undefined;
  const keeper = keepSession(sessions, link, clock, sessionTimeoutMs, (session) => {
    status.set(session ? 'up' : 'down', session ? undefined : 'the session is lost');
    // What was watched may have changed unnoticed.
    if (session) for (const watch of watches) watch.changed();
  });

  async function call<T>(act: () => T): Promise<T> {
    if (closed !== undefined) throw new CoordinationError('unavailable', 'coordination is closed');
    try {
      return await link.call(act);
    } catch (error) {
      throw toCoordinationError(error);
    }
  }

  return {
    driver: 'memory',
    status,
    get: (path) => call(() => records.get(path)),
    create: (path, value) => call(() => records.create(path, value)),
    set: (path, value, version) => call(() => records.set(path, value, version)),
    async setMany(writes) {
      return Promise.all(
        writes.map(({ path, value, version }) =>
          call(() => records.set(path, value, version)).then(
            (written) => ({ version: written }),
            (error: unknown) => ({ error: toCoordinationError(error) }),
          ),
        ),
      );
    },
    delete: (path, version) => call(() => records.delete(path, version)),
    children: (path) => call(() => records.children(path)),

    sync: () => call(() => undefined),

    watch(path, what, listener) {
      if (closed !== undefined) return () => undefined;
      let stopped = false;
      let onItsWay = false;
      const watch = {
        // One word on its way stands for all changes until it arrives.
        changed() {
          if (onItsWay || stopped) return;
          onItsWay = true;
          link.notify(() => {
            onItsWay = false;
            if (!stopped) listener();
          });
        },
        stop() {
          stopped = true;
          watches.delete(watch);
          unwatch();
        },
      };
      const unwatch = records.watch(path, what, watch.changed);
      watches.add(watch);
      return watch.stop;
    },

    async session() {
      if (closed !== undefined) throw new CoordinationError('unavailable', 'coordination is closed');
      const waited = new AbortController();
      const tooLong = clock.sleep(sessionWaitMs, waited.signal).then(() => {
        throw new CoordinationError('unavailable', 'there is no session');
      });
      tooLong.catch(() => undefined);
      return Promise.race([keeper.session(), tooLong]).finally(() => waited.abort());
    },

    loseSession: () => keeper.lose(),

    close() {
      if (closed === undefined) {
        for (const watch of [...watches]) watch.stop();
        closed = keeper.close();
      }
      return closed;
    },
  };
}
