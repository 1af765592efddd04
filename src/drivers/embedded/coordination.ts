import { randomUUID } from 'node:crypto';
import { type Coordination, CoordinationError, type Session } from '../../core/ports/coordination.js';
import { statusNamed } from '../../core/ports/dependency.js';
import { type Owner, treeOf } from './coordination-tree.js';
import { coordinationWrites, sessionLost } from './coordination-writes.js';
import type { Store } from './store.js';

/**
 * A connection to the coordination records of an open store, which it releases on `close`. Several in one process share the records, and each has
 * one session of its own, which ends with `close`: there is no network that could end it earlier.
 */
export function embeddedCoordination(store: Store): Coordination {
  const tree = treeOf(store);
  const writes = coordinationWrites(store, tree);
  const stops = new Set<() => void>();
  let closed: Promise<void> | undefined;

  const open = <T>(work: () => Promise<T>): Promise<T> =>
    closed === undefined ? work() : Promise.reject(new CoordinationError('unavailable', 'coordination is closed'));

  const ending = new AbortController();
  const owner: Owner = { owned: new Map(), ended: () => ending.signal.aborted };
  const session: Session = {
    id: randomUUID(),
    lost: ending.signal,
    isLive: () => !ending.signal.aborted,
    createEphemeral: (path, value) => writes.createEphemeral(path, value, owner),
  };

  return {
    driver: 'embedded',
    status: statusNamed(`embedded coordination ${store.directory}`, store.status),
    get: (path) =>
      open(async () => {
        const node = tree.find(path);
        return node === undefined ? undefined : tree.read(node);
      }),
    create: (path, value) => open(() => writes.create(path, value)),
    set: (path, value, version) => open(() => writes.set(path, value, version)),
    setMany: (many) =>
      open(() =>
        Promise.all(
          many.map(({ path, value, version }) =>
            writes.set(path, value, version).then(
              (written) => ({ version: written }),
              (error: unknown) => ({ error: asCoordinationError(error) }),
            ),
          ),
        ),
      ),
    delete: (path, version) => open(() => writes.delete(path, version)),
    children: (path) => open(async () => [...(tree.find(path)?.children.keys() ?? [])]),
    // There is one process, and one copy.
    sync: () => open(async () => undefined),
    watch(path, what, listener) {
      if (closed !== undefined) return () => undefined;
      const unwatch = tree.watch(path, what, listener);
      const stop = () => {
        stops.delete(stop);
        unwatch();
      };
      stops.add(stop);
      return stop;
    },
    session: () => open(async () => session),
    close() {
      closed ??= (async () => {
        ending.abort(sessionLost());
        for (const stop of [...stops]) stop();
        for (const [node, path] of owner.owned) writes.vanish(path, node);
        await store.release();
      })();
      return closed;
    },
  };
}

const asCoordinationError = (error: unknown): CoordinationError =>
  error instanceof CoordinationError
    ? error
    : new CoordinationError('unavailable', 'an unexpected failure', { cause: error });
