import type { Coordination, Path } from '../../core/ports/coordination.js';
import { MutableStatus } from '../../core/ports/dependency.js';
import { Coalesced } from '../../core/topics/coalesce.js';
import { type Connection, keepConnected } from './connection.js';
import { toCoordinationError } from './failure.js';
import { type Gate, openGate, type RunOptions } from './gate.js';
import { checkChroot, decodeName, nodeOf } from './names.js';
import {
  checkValue,
  checkVersion,
  createNode,
  listNode,
  readNode,
  removeNode,
  syncServer,
  within,
  writeNode,
} from './records.js';
import { parseServers } from './servers.js';
import { type Asked, writeMany } from './set-many.js';
import { openWatches } from './watches.js';

export interface ZookeeperOptions {
  /** `host:port,host2:port`. */
  readonly servers: string;
  /** Below which node everything lives: `/` or `/a/b`; made where it is missing. */
  readonly chroot: string;
  /** Milliseconds until the ensemble drops a silent session; default 6,000. The server may grant another. */
  readonly sessionTimeoutMs?: number | undefined;
  /** Milliseconds that a call takes at most; default 8,000. */
  readonly operationTimeoutMs?: number | undefined;
}

/**
 * Coordination in ZooKeeper. Returns at once, connects in the background, and keeps trying for ever; `status` tells. Throws on servers or a
 * chroot that make no sense.
 *
 * A write whose connection breaks before the answer rejects as `unavailable`, and may or may not have happened; it never happens after the session
 * that it was sent on. The session's `lost` comes at two thirds of its timeout. A read sees what this process wrote: one session never goes back
 * in time, and making a new one is itself a write that its server has caught up with. What others wrote it sees after a `sync`.
 */
export function openZookeeper(options: ZookeeperOptions): Coordination {
  const { chroot, sessionTimeoutMs = 6000, operationTimeoutMs = 8000 } = options;
  checkChroot(chroot);
  const servers = shuffled(parseServers(options.servers));
  const status = new MutableStatus(`zookeeper ${options.servers}${chroot === '/' ? '' : chroot}`);
  const late = `ZooKeeper did not answer within ${operationTimeoutMs} ms`;
  const gate: Gate = openGate(() => (status.state === 'up' ? late : status.detail));
  const watches = openWatches(gate.run, () => connection.seen());
  const connection: Connection = keepConnected(
    { servers, chroot, sessionTimeoutMs, operationTimeoutMs },
    status,
    gate,
    watches,
  );

  async function attempt<T>(
    verb: string,
    path: Path,
    work: (node: string, options: RunOptions) => Promise<T>,
  ): Promise<T> {
    if (path.length === 0 && verb !== 'list') throw new RangeError('the path of a record has at least one component');
    try {
      return await work(nodeOf(chroot, path), within(operationTimeoutMs));
    } catch (error) {
      throw toCoordinationError(error, `${verb} ${path.join('/')}`);
    }
  }

  /** Calls that come while a sync is under way share the next one, so that a flood of them costs the leader one request at a time. */
  const syncs = new Coalesced(() => attempt('sync', ['/'], (_, options) => syncServer(gate, options)));

  return {
    driver: 'zookeeper',
    status,
    get: (path) => attempt('get', path, (node, options) => readNode(gate, node, options)),
    create: (path, value) =>
      attempt('create', path, (node, options) => {
        checkValue(value);
        return createNode(gate, node, value, options);
      }),
    set: (path, value, version) =>
      attempt('set', path, (node, options) => {
        checkValue(value);
        checkVersion(version);
        return writeNode(gate, node, value, version, options);
      }),
    setMany: async (writes) => {
      const asked = writes.map(({ path, value, version }): Asked => {
        if (path.length === 0) throw new RangeError('the path of a record has at least one component');
        return { node: nodeOf(chroot, path), value, version, doing: `set ${path.join('/')}` };
      });
      return writeMany(gate, asked, within(operationTimeoutMs));
    },
    delete: (path, version) =>
      attempt('delete', path, (node, options) => {
        if (version !== undefined) checkVersion(version);
        return removeNode(gate, node, version, options);
      }),
    children: (path) =>
      attempt('list', path, async (node, options) => {
        const names = (await listNode(gate, node, options)).map(decodeName);
        return names.filter((name) => name !== undefined);
      }),
    sync: () => syncs.run(''),
    watch: (path, what, listener) => watches.watch(nodeOf(chroot, path), what, listener),
    session: connection.session,
    close: connection.close,
  };
}

/** So that instances with one configuration spread over the ensemble. */
function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, rank: Math.random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}
