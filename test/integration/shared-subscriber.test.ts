import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { encodeCursor } from '../../src/core/cursor.js';
import { BusError } from '../../src/core/errors.js';
import { useZooKeeper } from '../cluster/use-cluster.js';
import { type Fleet, type Instance, openFleet } from '../support/open-fleet.js';
import { type Reader, startReader, untilAll } from '../support/reader.js';

const never = new AbortController().signal;
setMaxListeners(0, never);
const servers = await useZooKeeper();
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from);
const mart = { topic: 't', subscriber: 'mart' } as const;
const all = (partitions: number) => upTo(partitions).map((partition) => `t/${partition}`);
const sizes = (readers: readonly Reader[]) => readers.map(({ owned }) => owned.length);
const values = (readers: readonly Reader[]) =>
  readers.flatMap(({ got }) => got.map(({ value }) => value)).sort((a, b) => a - b);

/** Until the readers own all partitions of `t`, each once, in shares of these sizes. */
async function shared(readers: readonly Reader[], ...wanted: number[]): Promise<void> {
  const total = wanted.reduce((sum, size) => sum + size, 0);
  await untilAll(readers, () => {
    const owned = readers.flatMap((reader) => reader.owned);
    return `${sizes(readers)}` === `${wanted}` && new Set(owned).size === total && owned.length === total;
  });
}

const commit = (at: Instance, position: { cursor: string; generation: number } | undefined) =>
  at.subscriptions.commit({ subscriber: 'mart', cursor: '', generation: -1, ...position }, never);

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof BusError ? error.reason : `no BusError but ${String(error)}`;
}

async function committedIn(fleet: Fleet, partitions: number): Promise<number[]> {
  const { coordination } = fleet.first;
  const entries = await Promise.all(
    upTo(partitions).map((partition) => coordination.get(['subscribers', 'mart', 'offsets', 't', `${partition}`])),
  );
  return entries.map((entry) => JSON.parse(Buffer.from(entry?.value ?? '{}').toString()).next);
}

const pairs: [string, readonly string[] | undefined][] = [
  ['embedded', undefined],
  ['zookeeper', servers],
];

describe.each(pairs.filter(([name, at]) => name === 'embedded' || at))('on %s', (name, at) => {
  const isZookeeper = name === 'zookeeper';

  test('two streams share evenly, a third joins, one leaves: little moves, and each change is announced', async () => {
    await using fleet = await openFleet(at);
    const [a, b] = [fleet.first, await fleet.open()];
    await fleet.create('t', 6);
    const one = startReader(a.subscriptions, mart);
    await shared([one], 6);
    const two = startReader(b.subscriptions, mart);
    await shared([one, two], 3, 3);
    const [before, first] = [one.owned, two.owned];
    const three = startReader(a.subscriptions, mart);
    await shared([one, two, three], 2, 2, 2);
    expect(before).toEqual(expect.arrayContaining(one.owned));
    expect(first).toEqual(expect.arrayContaining(two.owned));
    const generations = [one, two, three].map(({ assignment }) => assignment?.generation ?? 0);
    expect(new Set(generations).size).toBe(3);
    const mine = one.owned;
    two.close();
    await shared([one, three], 3, 3);
    expect(one.owned).toEqual(expect.arrayContaining(mine));
    expect(one.assignment?.generation).toBeGreaterThan(Math.max(...generations));
    await fleet.publish('t', upTo(60));
    await untilAll([one, three], () => values([one, three]).length >= 60);
    expect(values([one, three])).toEqual(upTo(60));
    for (const { topic, partition } of [...one.got]) expect(one.owned).toContain(`${topic}/${partition}`);
  });

  test('more streams than partitions: the others wait, are told so, and take over at once', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 2);
    const owners = [startReader(fleet.first.subscriptions, mart), startReader(b.subscriptions, mart)];
    await shared(owners, 1, 1);
    const extra = startReader(b.subscriptions, mart);
    await extra.until(({ frames }) => frames.length > 0);
    expect(extra.frames[0]).toMatchObject({
      kind: 'ready',
      cursor: '',
      assignment: { partitions: [], topics: [], generation: undefined, waiting: true },
    });
    owners[0]?.close();
    await shared(
      [owners[1], extra].filter((each) => each !== undefined),
      1,
      1,
    );
    expect(extra.assignment).toMatchObject({ waiting: false });
  });

  test('a clean hand-over repeats nothing and loses nothing, while events keep coming', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 4);
    // Commits go to the other instance.
    const one = startReader(fleet.first.subscriptions, mart, { commitAt: b.subscriptions });
    await shared([one], 4);
    let published = 0;
    const publish = async () => {
      published += 20;
      await fleet.publish('t', upTo(20, published - 20));
    };
    await publish();
    const two = startReader(b.subscriptions, mart, { commitAt: fleet.first.subscriptions });
    const readers = [one, two];
    const publishUntil = async (...reached: Promise<unknown>[]) => {
      let isReached = false;
      for (const each of reached) {
        void each.then(() => {
          isReached = true;
        });
      }
      while (!isReached) await publish();
    };
    await publishUntil(shared(readers, 2, 2));
    const three = startReader(fleet.first.subscriptions, mart, { commitAt: b.subscriptions });
    readers.push(three);
    await publishUntil(shared(readers, 2, 1, 1), shared(readers, 1, 2, 1));
    await publish();
    await untilAll(readers, () => new Set(values(readers)).size === published);
    expect(values(readers)).toEqual(upTo(published));
    expect(readers.flatMap(({ refused }) => refused)).toEqual([]);
  });

  test('commits under way survive a rebalance for partitions that are kept; of those that are lost they are refused', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    const { incarnation } = await fleet.create('t', 2);
    await fleet.publish('t', upTo(40));
    const one = startReader(fleet.first.subscriptions, mart);
    await one.until(({ got }) => got.length === 40);
    const { position: early, assignment } = one;
    const two = startReader(b.subscriptions, mart);
    await shared([one, two], 1, 1);
    const kept = Number(one.owned[0]?.slice(2));
    expect(one.assignment?.generation).toBe(assignment?.generation);
    // Of two partitions one is not its own any more: that one is refused, the other counts.
    const ends = await committedIn(fleet, 2);
    expect(await reasonOf(commit(b, early))).toBe('FENCED');
    const after = await committedIn(fleet, 2);
    expect(after[kept]).toBeGreaterThan(0);
    expect(after[1 - kept]).toBe(ends[1 - kept]);
    two.close();
    await shared([one], 2);
    // It has a new generation now, and what it names an earlier one for still counts where it has held the partition since.
    expect(one.assignment?.generation).toBeGreaterThan(assignment?.generation ?? 0);
    const cursorOf = (partition: number) => encodeCursor([{ topic: 't', incarnation, positions: [[partition, 1]] }]);
    const generation = assignment?.generation ?? 0;
    await expect(commit(b, { cursor: cursorOf(kept), generation })).resolves.toHaveLength(1);
    expect(await reasonOf(commit(b, { cursor: cursorOf(1 - kept), generation }))).toBe('FENCED');
  });

  test("a killed instance's partitions are taken over, and its clients' commits are refused everywhere", async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 4);
    const two = startReader(b.subscriptions, mart, { commitAt: b.subscriptions });
    await shared([two], 4);
    const one = startReader(fleet.first.subscriptions, mart, { commitAt: fleet.first.subscriptions });
    await shared([one, two], 2, 2);
    await fleet.publish('t', upTo(40));
    await untilAll([one, two], () => new Set(values([one, two])).size === 40);
    const late = two.position;
    const before = await committedIn(fleet, 4);
    await b.kill();
    await shared([one], 4);
    expect(await reasonOf(commit(fleet.first, late))).toBe('FENCED');
    expect((await committedIn(fleet, 4)).every((next, i) => next >= (before[i] ?? 0))).toBe(true);
    await fleet.publish('t', upTo(20, 40));
    await one.until(() => new Set(values([one, two])).size === 60);
  });

  test.runIf(isZookeeper)(
    'a lost session: the stream owns nothing at once, joins anew, and its old commits are refused',
    async () => {
      await using fleet = await openFleet(at);
      const b = await fleet.open();
      await fleet.create('t', 2);
      const one = startReader(fleet.first.subscriptions, mart, { commitAt: b.subscriptions });
      await shared([one], 2);
      const two = startReader(b.subscriptions, mart, { commitAt: b.subscriptions });
      await shared([one, two], 1, 1);
      await fleet.publish('t', upTo(20));
      await untilAll([one, two], () => new Set(values([one, two])).size === 20);
      const stale = one.position;
      await fleet.first.loseSession?.();
      await one.until(({ owned }) => owned.length === 0);
      expect(one.assignment).toMatchObject({ generation: undefined, waiting: false });
      await shared([one, two], 1, 1);
      expect(one.assignment?.generation).toBeGreaterThan(stale?.generation ?? 0);
      for (const instance of [fleet.first, b]) expect(await reasonOf(commit(instance, stale))).toBe('FENCED');
      expect(one.over).toBeUndefined();
      await fleet.publish('t', upTo(20, 20));
      await untilAll([one, two], () => new Set(values([one, two])).size === 40);
    },
  );

  test.runIf(isZookeeper)(
    'an instance that is cut off stops by its own clock, is taken over from, and cannot commit',
    async () => {
      await using fleet = await openFleet(at, { sessionTimeoutMs: 4_000, operationTimeoutMs: 2_500 });
      const b = await fleet.open();
      await fleet.create('t', 2);
      const one = startReader(fleet.first.subscriptions, { ...mart, heartbeatMs: 1_000 });
      await shared([one], 2);
      await fleet.publish('t', upTo(20));
      await one.until(({ got }) => got.length === 20);
      const { position } = one;
      const two = startReader(b.subscriptions, mart, { commitAt: b.subscriptions });
      await shared([one, two], 1, 1);
      b.cutOff?.();
      // By its clock, before anybody else can have been told.
      await two.until(({ owned }) => owned.length === 0);
      expect(one.owned).toHaveLength(1);
      await shared([one], 2);
      const before = await committedIn(fleet, 2);
      expect(await reasonOf(commit(b, two.position ?? position))).toMatch(/FENCED|COORDINATION_UNAVAILABLE/);
      expect(await committedIn(fleet, 2)).toEqual(before);
      two.close();
    },
  );

  test('commits by which nobody is entitled are refused and change nothing', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 2);
    await fleet.publish('t', upTo(20));
    const one = startReader(fleet.first.subscriptions, mart);
    await one.until(({ got }) => got.length === 20);
    const position = one.position ?? { cursor: '', generation: 0 };
    const before = await committedIn(fleet, 2);
    for (const generation of [0, position.generation - 1, position.generation + 1, position.generation + 1_000_000]) {
      expect(await reasonOf(commit(b, { ...position, generation }))).toBe('FENCED');
    }
    // Without a stream: nobody by that name has ever been there.
    const stranger = { subscriber: 'ünïcödé / .. %2F 🎈', ...position };
    expect(await reasonOf(b.subscriptions.commit(stranger, never))).toBe('SUBSCRIBER_NOT_FOUND');
    expect(await b.coordination.children(['subscribers'])).toEqual(['mart']);
    expect(await committedIn(fleet, 2)).toEqual(before);
    one.close();
  });

  test('odd names: a subscriber may be called whatever has no control characters', async () => {
    await using fleet = await openFleet(at);
    await fleet.create('t', 2);
    await fleet.publish('t', [1, 2, 3]);
    for (const subscriber of ['..', '/', 'a/b', 'ünïcödé 🎈', ' ', '%00', 'x'.repeat(200), '__proto__']) {
      const { subscriptions } = fleet.first;
      const reader = startReader(subscriptions, { topic: 't', subscriber });
      await reader.until(({ got }) => got.length === 3);
      await subscriptions.commit({ subscriber, cursor: '', generation: 0, ...reader.position }, never);
      reader.close();
    }
  });

  test('added partitions are shared too', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 2);
    const readers = [startReader(fleet.first.subscriptions, mart), startReader(b.subscriptions, mart)];
    await shared(readers, 1, 1);
    await fleet.first.topics.apply({ name: 't', settings: { partitions: 6 }, schemas: [] });
    await shared(readers, 3, 3);
    expect(readers.flatMap(({ owned }) => owned).sort()).toEqual(all(6));
    await fleet.publish('t', upTo(60));
    await untilAll(readers, () => values(readers).length >= 60);
    expect(values(readers)).toEqual(upTo(60));
  });
});
