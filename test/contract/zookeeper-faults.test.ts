import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Coordination } from '../../src/core/ports/coordination.js';
import { openZookeeper } from '../../src/drivers/zookeeper/index.js';
import { whyNoCluster } from '../cluster/cluster.js';
import { startZooKeeper, type ZooKeeperServer } from '../cluster/zookeeper-server.js';
import { until } from '../support/until.js';
import { openProxy, type ZookeeperProxy } from './zookeeper-proxy.js';

const sessionTimeoutMs = 3000;
const operationTimeoutMs = 2500;
const bytes = (text: string): Uint8Array => Buffer.from(text);
const unavailable = { kind: 'unavailable' };

describe.skipIf(whyNoCluster('own', 'zookeeper') !== undefined)('zookeeper, when things fail', () => {
  let server: ZooKeeperServer;
  let link: ZookeeperProxy;
  const opened: Coordination[] = [];

  beforeAll(async () => {
    server = await startZooKeeper();
    link = await openProxy(server.address);
  });
  afterEach(async () => {
    server.resume();
    link.thaw();
    await server.start();
    for (const connection of opened.splice(0)) await connection.close();
  });
  afterAll(async () => {
    await link?.close();
    await server?.dispose();
  });

  /** Opens a connection, and keeps the states that it has announced. */
  function open(
    address = link.address,
    options: { chroot?: string; sessionTimeoutMs?: number; operationTimeoutMs?: number } = {},
  ) {
    const chroot = options.chroot ?? `/faults-${randomUUID()}`;
    const connection = openZookeeper({ servers: address, sessionTimeoutMs, operationTimeoutMs, ...options, chroot });
    opened.push(connection);
    const states: string[] = [];
    const changes = until();
    connection.status.onChange(({ state }) => {
      states.push(state);
      changes.changed();
    });
    const seen = (...expected: string[]) => changes.until(() => states.join() === expected.join());
    return { connection, chroot, states, seen };
  }

  const aborted = (signal: AbortSignal) =>
    new Promise<number>((resolve) => signal.addEventListener('abort', () => resolve(performance.now())));

  /** Resolves at the next call of a watch. */
  const firing = (connection: Coordination, path: string[]) =>
    new Promise<void>((resolve) => {
      const stop = connection.watch(path, 'value', () => {
        stop();
        resolve();
      });
    });

  test('writes of many records in multis: a stale version, 0 or not, is refused alone', async () => {
    const { connection } = open(link.address, { sessionTimeoutMs: 15_000, operationTimeoutMs: 30_000 });
    const names = Array.from({ length: 450 }, (_, i) => `${i}`);
    await Promise.all(names.map((name) => connection.create(['r', name], bytes('0'))));
    const all = (text: string, version: number) =>
      names.map((name) => ({ path: ['r', name], value: bytes(text), version }));
    expect(await connection.setMany(all('1', 0))).toEqual(names.map(() => ({ version: 1 })));
    await connection.set(['r', '7'], bytes('other'), 1);
    const outcomes = await connection.setMany([
      ...all('2', 1),
      { path: ['r', '8'], value: bytes('stale'), version: 0 },
    ]);
    expect(outcomes.flatMap((outcome, i) => ('error' in outcome ? [`${i} ${outcome.error.kind}`] : []))).toEqual([
      '7 conflict',
      '450 conflict',
    ]);
    expect(outcomes[8]).toEqual({ version: 2 });
    expect(Buffer.from((await connection.get(['r', '8']))?.value ?? []).toString()).toBe('2');
  });

  test('a short break keeps the session, its ephemerals and the watches; reads go on', async () => {
    const { connection, chroot, states, seen } = open(link.address, {
      sessionTimeoutMs: 15_000,
      operationTimeoutMs: 30_000,
    });
    const other = open(server.address, { chroot }).connection;
    const session = await connection.session();
    await session.createEphemeral(['e'], bytes(''));
    const fired = firing(connection, ['w']);
    expect(await connection.get(['w'])).toBeUndefined();
    link.cut();
    const reads = Promise.all(Array.from({ length: 300 }, () => connection.get(['e'])));
    expect((await reads).every((entry) => entry !== undefined)).toBe(true);
    await fired;
    const again = firing(connection, ['w']);
    await other.create(['w'], bytes('x'));
    await again;
    await seen('up', 'down', 'up');
    expect(await connection.session()).toBe(session);
    expect(session.lost.aborted).toBe(false);
    expect(states).toHaveLength(3);
  });

  test('an expired session is announced, and a new one comes', async () => {
    const { connection, seen } = open();
    const session = await connection.session();
    await session.createEphemeral(['e'], bytes(''));
    const lost = aborted(session.lost);
    await connection.get(['e']);
    const fired = firing(connection, ['e']);
    await link.endSession();
    await lost;
    expect(session.isLive()).toBe(false);
    await expect(session.createEphemeral(['f'], bytes(''))).rejects.toMatchObject({ kind: 'session_lost' });
    await fired;
    const next = await connection.session();
    expect(next.id).not.toBe(session.id);
    await next.createEphemeral(['e'], bytes(''));
    await seen('up', 'down', 'up');
  });

  test('a dead server in the list is passed over', async () => {
    const { connection } = open(`127.0.0.1:1,${server.address}`);
    expect((await connection.session()).isLive()).toBe(true);
    expect(() => open('no port:here')).toThrow(/host:port/);
  });

  test('a server that comes late is found', async () => {
    await server.stop();
    const { connection, seen } = open(server.address);
    const start = performance.now();
    const early = await Promise.allSettled([
      connection.get(['a']),
      connection.session(),
      connection.create(['a'], bytes('')),
    ]);
    for (const result of early) expect(result).toMatchObject({ status: 'rejected', reason: unavailable });
    expect(performance.now() - start).toBeLessThan(operationTimeoutMs * 2);
    expect(connection.status).toMatchObject({ state: 'connecting', detail: expect.stringContaining('ECONNREFUSED') });
    await server.start();
    // Told once that it could not connect yet.
    await seen('connecting', 'up');
    expect(await connection.get(['a'])).toBeUndefined();
  });

  test('a killed server: calls fail in bounded time, what was acknowledged is there again', async () => {
    const { connection, seen } = open(server.address);
    await connection.create(['a', 'b'], bytes('kept'));
    const writes = Array.from({ length: 50 }, (_, i) => connection.create(['n', `${i}`], bytes('')));
    const outcomes = Promise.allSettled(writes);
    await server.kill();
    const acknowledged = (await outcomes).flatMap((outcome, i) => {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(unavailable);
      return outcome.status === 'fulfilled' ? [`${i}`] : [];
    });
    const start = performance.now();
    const calls = [connection.get(['a']), connection.set(['a'], bytes(''), 0), connection.children(['a'])];
    for (const call of await Promise.allSettled(calls)) expect(call).toMatchObject({ reason: unavailable });
    const [many] = await connection.setMany([{ path: ['a'], value: bytes('x'), version: 1 }]);
    expect(many).toMatchObject({ error: unavailable });
    expect(performance.now() - start).toBeLessThan(operationTimeoutMs * 4);
    await server.start();
    await seen('up', 'down', 'up');
    expect(await connection.get(['a', 'b'])).toMatchObject({ version: 0 });
    expect(await connection.children(['n'])).toEqual(expect.arrayContaining(acknowledged));
  });

  test('a black hole: the session is lost here before its ephemerals vanish there, and everything settles', async () => {
    const { connection, chroot, seen } = open();
    const other = open(server.address, { chroot }).connection;
    const session = await connection.session();
    await session.createEphemeral(['e'], bytes(''));
    let vanished: number | undefined;
    const gone = until();
    other.watch(['e'], 'value', () => {
      void other.get(['e']).then((entry) => {
        if (entry === undefined) vanished ??= performance.now();
        gone.changed();
      });
    });
    await other.get(['e']);
    const lost = aborted(session.lost);
    link.freeze();
    const start = performance.now();
    const pending = Promise.allSettled([
      connection.get(['e']),
      connection.create(['x'], bytes('')),
      session.createEphemeral(['y'], bytes('')),
      connection.setMany([{ path: ['z'], value: bytes(''), version: 3 }]),
    ]);
    const lostAt = await lost;
    expect(lostAt - start).toBeLessThan(sessionTimeoutMs);
    expect(session.isLive()).toBe(false);
    const [get, create, ephemeral, many] = await pending;
    expect(get).toMatchObject({ reason: unavailable });
    expect(create).toMatchObject({ reason: unavailable });
    expect(['unavailable', 'session_lost']).toContain(ephemeral.status === 'rejected' && ephemeral.reason.kind);
    expect(many).toMatchObject({ value: [{ error: unavailable }] });
    await gone.until(() => vanished !== undefined);
    expect(lostAt).toBeLessThan(vanished ?? 0);
    link.cut();
    link.thaw();
    await seen('up', 'down', 'up');
    expect((await connection.session()).id).not.toBe(session.id);
  });

  test('a server that is paused: the session is lost, and another comes when it runs again', async () => {
    const { connection, seen } = open(server.address);
    const session = await connection.session();
    const lost = aborted(session.lost);
    await server.pause();
    await lost;
    await expect(connection.get(['a'])).rejects.toMatchObject(unavailable);
    server.resume();
    await seen('up', 'down', 'up');
    expect((await connection.session()).isLive()).toBe(true);
    expect(await connection.get(['a'])).toBeUndefined();
  });

  test('a process that was paused knows by the clock that its session may be over', async () => {
    const { connection } = open(server.address, { sessionTimeoutMs: 1200 });
    const session = await connection.session();
    const lost = aborted(session.lost);
    // Stops this thread as SIGSTOP would: the pause is the fault.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 850);
    expect(session.isLive()).toBe(false);
    await lost;
    expect((await connection.session()).id).not.toBe(session.id);
  });

  test('records of a newer format are refused until they are gone', async () => {
    const parent = open(server.address);
    await parent.connection.create(['child'], bytes('{"format":2}'));
    const { connection, seen } = open(server.address, { chroot: `${parent.chroot}/child` });
    await seen('down');
    expect(connection.status.detail).toMatch(/format 2.*knows 1/);
    await expect(connection.get(['a'])).rejects.toThrow(/format 2/);
    await expect(connection.session()).rejects.toMatchObject(unavailable);
    await parent.connection.set(['child'], bytes('{"format":1}'), 0);
    await seen('down', 'up');
    expect(await connection.get(['a'])).toBeUndefined();
  });

  test('what waits is bounded, and closing settles it', async () => {
    await server.stop();
    const { connection } = open(server.address);
    const waiting = Array.from({ length: 10_000 }, () => connection.get(['a']));
    await expect(connection.get(['a'])).rejects.toThrow(/10000 operations wait/);
    await connection.close();
    for (const call of await Promise.allSettled(waiting)) expect(call).toMatchObject({ reason: unavailable });
    await expect(connection.session()).rejects.toMatchObject(unavailable);
  });
});
