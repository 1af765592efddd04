import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { createFleet, type Fleet, type LevelTooHigh } from '../../src/core/fleet/index.js';
import type { Coordination } from '../../src/core/ports/coordination.js';
import { openEmbeddedCoordination } from '../../src/drivers/embedded/index.js';
import { openZookeeper } from '../../src/drivers/zookeeper/index.js';
import { useZooKeeper } from '../cluster/use-cluster.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { until } from '../support/wait.js';

const servers = await useZooKeeper();

/** Connections to one tree that no other test has. */
async function embeddedTree(): Promise<() => Promise<Coordination>> {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  return () => openEmbeddedCoordination({ directory: directory.path });
}

async function zookeeperTree(): Promise<() => Promise<Coordination>> {
  const chroot = `/fleet-${randomUUID().slice(0, 8)}`;
  return async () => openZookeeper({ servers: (servers ?? []).join(','), chroot });
}

const pairs = [
  { name: 'embedded', tree: embeddedTree },
  ...(servers ? [{ name: 'zookeeper', tree: zookeeperTree }] : []),
];

interface Instance {
  readonly fleet: Fleet;
  readonly coordination: Coordination;
  /** What has made the instance stop. */
  readonly fatal: LevelTooHigh[];
  stop(): Promise<void>;
}

const running = new Set<Instance>();
afterEach(async () => {
  await Promise.all([...running].map((each) => each.stop()));
});

async function instance(
  connect: () => Promise<Coordination>,
  { understands, exclusive = false }: { understands?: number; exclusive?: boolean } = {},
): Promise<Instance> {
  const coordination = await connect();
  const fatal: LevelTooHigh[] = [];
  const name = `instance-${running.size}`;
  const onTooHigh = (error: LevelTooHigh) => fatal.push(error);
  const fleet = createFleet({ coordination, instance: name, exclusive, understands, onTooHigh });
  const mine: Instance = {
    fleet,
    coordination,
    fatal,
    async stop() {
      running.delete(mine);
      fleet.close();
      await coordination.close();
    },
  };
  running.add(mine);
  return mine;
}

const levels = (...all: readonly Instance[]) => all.map(({ fleet }) => fleet.level);

describe.each(pairs)('the format level on $name', ({ tree }) => {
  test('a fresh tree begins at the level of its first instance', async () => {
    const connect = await tree();
    const first = await instance(connect);
    await first.fleet.start();
    const second = await instance(connect);
    await second.fleet.start();
    expect(levels(first, second)).toEqual([1, 1]);
    expect(await second.fleet.describe()).toMatchObject({
      level: 1,
      automatic: true,
      instances: [{ instance: 'instance-0', understands: 1 }, { instance: 'instance-1' }],
    });
    expect(second.fleet.notice).toBeUndefined();
  });

  test('an older tree stays at level 0 until an operator upgrades it, for all of its instances', async () => {
    const connect = await tree();
    const first = await instance(connect);
    await first.coordination.create(['topics', 't'], Buffer.from('{}'));
    await first.fleet.start();
    const second = await instance(connect);
    await second.fleet.start();
    expect(levels(first, second)).toEqual([0, 0]);
    expect(first.fleet.notice).toContain('mainstem fleet upgrade');
    expect(await second.fleet.upgrade()).toMatchObject({ level: 1, automatic: true });
    await until(() => first.fleet.level === 1, { what: 'the other instance to hear of it' });
    expect(first.fleet.notice).toBeUndefined();
    expect(await first.fleet.upgrade()).toMatchObject({ level: 1 });
  });

  test('the level rises by itself when the last instance that understands less has gone, and not before', async () => {
    const connect = await tree();
    const old = await instance(connect);
    await old.fleet.start();
    const first = await instance(connect, { understands: 3 });
    await first.fleet.start();
    const second = await instance(connect, { understands: 2 });
    await second.fleet.start();
    expect(levels(old, first, second)).toEqual([1, 1, 1]);
    await old.stop();
    await until(() => levels(first, second).join() === '2,2', { what: 'level 2', timeoutMs: 30_000 });
    await second.stop();
    await until(() => first.fleet.level === 3, { what: 'level 3', timeoutMs: 30_000 });
  });

  test('an instance that does not understand the level refuses to start, and says so in one sentence', async () => {
    const connect = await tree();
    const newer = await instance(connect, { understands: 2 });
    await newer.fleet.start();
    const older = await instance(connect);
    await expect(older.fleet.start()).rejects.toThrow(
      'the records in coordination are written at format level 2, and this version of mainstem understands levels up to 1: start a newer version',
    );
    expect(newer.fleet.level).toBe(2);
  });

  test('an instance that starts while the level is being raised is heeded, or refuses to go on', async () => {
    for (let round = 0; round < 10; round++) {
      const connect = await tree();
      const old = await instance(connect);
      await old.fleet.start();
      const newer = await instance(connect, { understands: 2 });
      await newer.fleet.start();
      const late = await instance(connect);
      // The level may rise from the moment in which the old one has gone.
      const [, started] = await Promise.allSettled([old.stop(), late.fleet.start()]);
      const isIn = started.status === 'fulfilled' && late.fatal.length === 0;
      if (isIn) expect(newer.fleet.level).toBe(1);
      else await until(() => newer.fleet.level === 2, { what: 'level 2', timeoutMs: 30_000 });
      await Promise.all([late.stop(), newer.stop()]);
    }
  });
});

test('a directory that only one process can have open is raised at once', async () => {
  const connect = await embeddedTree();
  const alone = await instance(connect, { exclusive: true });
  await alone.coordination.create(['topics', 't'], Buffer.from('{}'));
  await alone.fleet.start();
  expect(alone.fleet.level).toBe(1);
  await alone.stop();
  const next = await instance(connect, { exclusive: true, understands: 2 });
  await next.fleet.start();
  expect(next.fleet.level).toBe(2);
});
