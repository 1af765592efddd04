import { performance } from 'node:perf_hooks';
import { CoordinationError, type Path, type Session } from '../../core/ports/coordination.js';
import type { MutableStatus } from '../../core/ports/dependency.js';
import { type Client, connectClient } from './client.js';
import { Failure, toCoordinationError } from './failure.js';
import type { Gate } from './gate.js';
import { prepareLayout } from './layout.js';
import { type Lease, openLease, toSession } from './lease.js';
import { nodeOf } from './names.js';
import { checkValue, createEphemeralNode } from './records.js';
import type { ServerAddress } from './servers.js';
import type { Watches } from './watches.js';

interface ConnectionOptions {
  readonly servers: readonly ServerAddress[];
  readonly chroot: string;
  readonly sessionTimeoutMs: number;
  readonly operationTimeoutMs: number;
}

/** The link to ZooKeeper and the sessions on it, one after the other, for as long as the driver is open. */
export interface Connection {
  session(): Promise<Session>;
  /** The last transaction that the server told of; undefined while there is no connection. */
  seen(): bigint | undefined;
  close(): Promise<void>;
}

/** How long operations in flight may take when the driver is closed. */
const drainMs = 2000;
/** Before another try when a server refuses a session that it should have made. */
const retryMs = 500;

/**
 * Keeps a session: connects, sets the chroot up, opens the gate, sends a heartbeat every third of the session's timeout, and starts anew with another
 * client when the session is over or its lease has run out. Tells everything that changes to `status`, `gate` and `watches`.
 */
export function keepConnected(
  options: ConnectionOptions,
  status: MutableStatus,
  gate: Gate,
  watches: Watches,
): Connection {
  const { servers, chroot, operationTimeoutMs } = options;
  const waiters = new Set<(session: Session | CoordinationError) => void>();
  let clients = 0;
  let client: Client | undefined;
  let lease: Lease | undefined;
  let session: Session | undefined;
  /** Counts the connections, so that what began on one does not end on another. */
  let link = 0;
  let linked = false;
  let prepared = false;
  let refusal: Failure | undefined;
  let heartbeat: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
  let closing: Promise<void> | undefined;

  function connect(): void {
    const first = clients++ % servers.length;
    // The server that was lost comes last.
    const order = [...servers.slice(first), ...servers.slice(0, first)];
    const current: Client = connectClient(order, options.sessionTimeoutMs, {
      connected: (sentAt) => current === client && connected(current, sentAt),
      disconnected: () => current === client && disconnected('the connection was lost'),
      expired: () => current === client && expired(),
      trouble: (why) => current === client && trouble(`no connection: ${why}`),
      changed: (event, node) => current === client && watches.changed(event, node),
    });
    client = current;
  }

  function connected(current: Client, sentAt: number): void {
    link += 1;
    linked = true;
    if (lease === undefined) {
      lease = openLease(sentAt, current.sessionTimeoutMs, (why) => over(current, why));
      heartbeat = setInterval(beat, Math.floor(current.sessionTimeoutMs / 3), current);
    } else {
      lease.renew(sentAt);
    }
    // The lease may just have turned out to be over.
    if (current !== client) return;
    if (prepared) ready(current);
    else void prepare(current);
  }

  async function prepare(current: Client): Promise<void> {
    const mine = link;
    let why: string | undefined;
    try {
      why = await prepareLayout(current, chroot);
      if (mine !== link) return;
      refusal = why === undefined ? undefined : new Failure('refused', why);
      gate.refuse(closing === undefined ? refusal : new Failure('closed', 'it is closed'));
    } catch (error) {
      if (mine !== link) return;
      why = `cannot set up ${chroot} in ZooKeeper: ${error instanceof Error ? error.message : error}`;
    }
    if (why === undefined) {
      prepared = true;
      ready(current);
    } else {
      status.set('down', why);
      if (refusal !== undefined) tell(new CoordinationError('unavailable', why));
    }
  }

  function ready(current: Client): void {
    if (closing !== undefined || lease === undefined) return;
    watches.connected();
    gate.open(current);
    session ??= openSession(current, lease);
    tell(session);
    status.set('up');
  }

  function beat(current: Client): void {
    if (!linked) return;
    const sentAt = performance.now();
    const answered = () => {
      if (current === client) lease?.renew(sentAt);
    };
    current.exists('/', false, answered, ({ code }) => {
      if (code !== 'connection_loss' && code !== 'session_expired') answered();
    });
    if (prepared) watches.retry();
    else void prepare(current);
  }

  function disconnected(why: string): void {
    link += 1;
    linked = false;
    gate.shut();
    watches.disconnected();
    status.set('down', why);
  }

  function trouble(why: string): void {
    if (status.state !== 'up') status.set(status.state, why);
  }

  function expired(): void {
    if (lease !== undefined) {
      lease.end('the session has expired');
      return;
    }
    client?.destroy();
    client = undefined;
    retry = setTimeout(connect, retryMs);
  }

  function over(gone: Client, why: string): void {
    clearInterval(heartbeat);
    lease = undefined;
    session = undefined;
    prepared = false;
    client = undefined;
    disconnected(why);
    gate.retire(gone);
    if (closing !== undefined) return;
    // It may be there still, and only slow: then its ephemerals need not stay until it expires.
    void gone.close();
    connect();
  }

  function tell(news: Session | CoordinationError): void {
    for (const waiter of waiters) waiter(news);
    waiters.clear();
  }

  function openSession(current: Client, held: Lease): Session {
    return toSession(current.sessionId, held, async (path: Path, value: Uint8Array) => {
      const doing = `create the ephemeral ${path.join('/')}`;
      const lost = () => new CoordinationError('session_lost', `cannot ${doing}: the session is lost`);
      if (!held.isLive()) throw lost();
      checkValue(value);
      try {
        const deadline = performance.now() + operationTimeoutMs;
        await createEphemeralNode(gate, current, nodeOf(chroot, path), value, deadline);
      } catch (error) {
        if (error instanceof Failure && error.code === 'session_expired') throw lost();
        throw toCoordinationError(error, doing);
      }
    });
  }

  async function close(): Promise<void> {
    clearTimeout(retry);
    gate.refuse(new Failure('closed', 'it is closed'));
    tell(new CoordinationError('unavailable', 'the connection to ZooKeeper is closed'));
    let patience: NodeJS.Timeout | undefined;
    await Promise.race([
      gate.drained(),
      new Promise((resolve) => {
        patience = setTimeout(resolve, drainMs);
      }),
    ]);
    clearTimeout(patience);
    const last = client;
    lease?.end('it was closed');
    await last?.close();
    client = undefined;
    status.set('down', 'closed');
  }

  connect();
  return {
    session: () => {
      if (closing !== undefined) {
        return Promise.reject(new CoordinationError('unavailable', 'the connection to ZooKeeper is closed'));
      }
      if (refusal !== undefined) return Promise.reject(new CoordinationError('unavailable', refusal.message));
      if (session?.isLive()) return Promise.resolve(session);
      return new Promise((resolve, reject) => {
        const waiter = (news: Session | CoordinationError) => {
          clearTimeout(timer);
          waiters.delete(waiter);
          if (news instanceof CoordinationError) reject(news);
          else resolve(news);
        };
        const late = () => waiter(new CoordinationError('unavailable', `no session: ${status.detail ?? 'no answer'}`));
        const timer = setTimeout(late, operationTimeoutMs);
        waiters.add(waiter);
      });
    },
    seen: () => (linked ? client?.seen : undefined),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
