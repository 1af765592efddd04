import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { SubscribeCommand } from '../../src/core/subscribe/frames.js';
import { useZooKeeper } from '../cluster/use-cluster.js';
import { fastClock } from '../support/clocks.js';
import { type Fleet, type Instance, openFleet } from '../support/open-fleet.js';
import { type Reader, startReader } from '../support/reader.js';
import { reasonOf } from '../support/reasons.js';

const never = new AbortController().signal;
setMaxListeners(0, never);
const servers = await useZooKeeper();
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from);
const mart: SubscribeCommand = { topic: 't', subscriber: 'mart', positionsFrom: 'client', heartbeatMs: 1_000 };

const pairs: [string, readonly string[] | undefined][] = [
  ['embedded', undefined],
  ['zookeeper', servers],
];

interface Setting {
  readonly partition?: number;
  readonly next: number;
}

/** Sets positions as the client of a stream, under its last assignment unless something else is said. */
function set(bus: Instance, reader: Reader, settings: readonly Setting[], change: object = {}): Promise<void> {
  const ready = reader.frames.find(({ kind }) => kind === 'ready');
  const incarnation = reader.assignment?.topics[0]?.incarnation ?? '';
  const positions = settings.map(({ partition = 0, next }) => {
    return { topic: 't', incarnation, partition, nextOffset: next, ...change };
  });
  const streamId = ready?.kind === 'ready' ? ready.streamId : '';
  const of = { subscriber: 'mart', streamId, generation: reader.assignment?.generation ?? 0, ...change };
  return bus.subscriptions.setPositions(of, positions, never);
}

const committed = async (fleet: Fleet) =>
  (await fleet.first.subscribers.get('mart')).positions.map(({ partition, next }) => [partition, next]);
const beats = ({ frames }: Reader) => frames.filter(({ kind }) => kind === 'heartbeat').length;
/** A heartbeat comes when there is nothing else to send. */
async function quiet(reader: Reader): Promise<void> {
  const before = beats(reader);
  await reader.until(() => beats(reader) > before + 1);
}

describe.each(pairs.filter(([name, at]) => name === 'embedded' || at))('on %s', (_, at) => {
  test.each(['here', 'at another instance'])(
    'a partition is sent from where its store is, and not before: set %s',
    async (where) => {
      await using fleet = await openFleet(at);
      const b = await fleet.open();
      await fleet.create('t', 2);
      await fleet.publish('t', upTo(60));
      // The committed position is ahead of a store that was restored from a backup.
      const plain = startReader(fleet.first.subscriptions, { ...mart, positionsFrom: 'server' });
      await plain.until(({ got }) => got.length === 60);
      const { cursor, generation } = plain.position ?? { cursor: '', generation: 0 };
      await fleet.first.subscriptions.commit({ subscriber: 'mart', cursor, generation }, never);
      const before = await committed(fleet);
      plain.close();

      const reader = startReader(fleet.first.subscriptions, mart);
      await reader.until(({ owned }) => owned.length === 2);
      await quiet(reader);
      expect(reader.got).toEqual([]);
      const bus = where === 'here' ? fleet.first : b;
      await set(bus, reader, [{ partition: 1, next: 5 }]);
      const ends = new Map(before.map(([partition = 0, next = 0]) => [partition, next]));
      await reader.until(({ got }) => got.length === (ends.get(1) ?? 0) - 5);
      await quiet(reader);
      expect(reader.got.map(({ partition, offset }) => [partition, offset])).toEqual(
        upTo((ends.get(1) ?? 0) - 5, 5).map((offset) => [1, offset]),
      );
      await set(bus, reader, [
        { partition: 0, next: ends.get(0) ?? 0 },
        // It has one already, and keeps it.
        { partition: 1, next: 0 },
      ]);
      await fleet.publish('t', upTo(20, 100));
      const total = (ends.get(1) ?? 0) - 5 + 20;
      await reader.until(({ got }) => got.length === total);
      await quiet(reader);
      expect(reader.got).toHaveLength(total);
      expect(await committed(fleet)).toEqual(before);
      reader.close();
    },
  );

  test.each(['here', 'at another instance'])(
    'a position that cannot be right is refused with its reason: %s',
    async (where) => {
      await using fleet = await openFleet(at);
      const b = await fleet.open();
      await fleet.create('t', 2);
      await fleet.publish('t', upTo(40));
      await fleet.log.truncateBefore('t', 0, 3);
      const bus = where === 'here' ? fleet.first : b;
      const reader = startReader(fleet.first.subscriptions, mart);
      await reader.until(({ owned }) => owned.length === 2);
      const generation = reader.assignment?.generation ?? 0;
      const bad: [string, Setting, object?][] = [
        ['CURSOR_STALE_TOPIC', { next: 5 }, { incarnation: 'another life' }],
        ['CURSOR_AHEAD', { next: 1_000 }],
        ['CURSOR_EXPIRED', { next: 2 }],
        ['INVALID_REQUEST', { partition: 2, next: 5 }],
        ['INVALID_REQUEST', { next: -1 }],
        ['TOPIC_NOT_FOUND', { next: 5 }, { topic: 'nowhere' }],
        ['FENCED', { next: 5 }, { generation: generation + 1 }],
        ['FENCED', { next: 5 }, { streamId: 'no such stream' }],
      ];
      for (const [reason, setting, change] of bad) {
        expect([await reasonOf(set(bus, reader, [setting], change)), setting, change]).toEqual([
          reason,
          setting,
          change,
        ]);
      }
      expect(await reasonOf(set(bus, reader, [{ next: 5 }, { next: 6 }]))).toBe('INVALID_REQUEST');
      expect(await reasonOf(set(bus, reader, []))).toBe('INVALID_REQUEST');
      await quiet(reader);
      expect(reader.got).toEqual([]);
      // All or none: the good one is set with the next call only.
      expect(await reasonOf(set(bus, reader, [{ next: 5 }, { partition: 1, next: 1_000 }]))).toBe('CURSOR_AHEAD');
      await quiet(reader);
      expect(reader.got).toEqual([]);
      reader.close();

      const skipping = startReader(fleet.first.subscriptions, { ...mart, onExpired: 'skip' });
      await skipping.until(({ owned }) => owned.length === 2);
      await set(bus, skipping, [{ next: 0 }]);
      await skipping.until(({ got }) => got.length > 0);
      expect(skipping.frames.find(({ kind }) => kind === 'gap')).toMatchObject({ partition: 0, from: 0, to: 3 });
      skipping.close();

      const plain = startReader(fleet.first.subscriptions, { ...mart, positionsFrom: 'server' });
      await plain.until(({ owned }) => owned.length === 2);
      expect(await reasonOf(set(bus, plain, [{ next: 5 }]))).toBe('INVALID_REQUEST');
      plain.close();
    },
  );

  test('a partition that goes and comes back needs its position again, and what was meant for before does not count', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 2);
    await fleet.publish('t', upTo(40));
    const one = startReader(fleet.first.subscriptions, mart);
    await one.until(({ owned }) => owned.length === 2);
    const early = one.assignment?.generation ?? 0;
    const both = [
      { partition: 0, next: 0 },
      { partition: 1, next: 0 },
    ];
    await set(b, one, both);
    await one.until(({ got }) => got.length === 40);
    const two = startReader(b.subscriptions, mart);
    await two.until(({ owned }) => owned.length === 1);
    await one.until(({ owned }) => owned.length === 1);
    expect(await reasonOf(set(b, one, both))).toBe('FENCED');
    two.close();
    await one.until(({ owned }) => owned.length === 2);
    await quiet(one);
    expect(one.got).toHaveLength(40);
    const came = one.owned.map((name) => Number(name.split('/')[1]));
    expect(came).toEqual([0, 1]);
    expect(await reasonOf(set(fleet.first, one, both, { generation: early }))).toBe('FENCED');
    const counts = [0, 1].map((partition) => one.got.filter((each) => each.partition === partition).length);
    await set(
      fleet.first,
      one,
      both.map(({ partition }) => ({ partition, next: (counts[partition] ?? 0) - 1 })),
    );
    // The partition that was kept goes on where it was; of the other one the last record comes again.
    await one.until(({ got }) => got.length === 41);
    await quiet(one);
    expect(one.got).toHaveLength(41);
    one.close();
  });

  test('a topic that was deleted and created again is told by its incarnation, and begins where the store says', async () => {
    await using fleet = await openFleet(at);
    const { incarnation } = await fleet.create('t');
    await fleet.publish('t', upTo(9));
    const first = startReader(fleet.first.subscriptions, mart);
    await first.until(({ owned }) => owned.length === 1);
    await set(fleet.first, first, [{ next: 4 }]);
    await first.until(({ got }) => got.length === 5);
    await fleet.first.topics.delete('t');
    await first.until(({ over }) => over !== undefined);
    const created = await fleet.create('t');
    await fleet.publish('t', upTo(3, 100));
    const second = startReader(fleet.first.subscriptions, mart);
    await second.until(({ owned }) => owned.length === 1);
    expect(second.assignment?.topics).toEqual([{ topic: 't', incarnation: created.incarnation, partitions: [0] }]);
    expect(await reasonOf(set(fleet.first, second, [{ next: 9 }], { incarnation }))).toBe('CURSOR_STALE_TOPIC');
    await set(fleet.first, second, [{ next: 0 }]);
    await second.until(({ got }) => got.length === 3);
    expect(second.got.map(({ value }) => value)).toEqual([100, 101, 102]);
    second.close();
  });

  test('a client that sets no position is told after 30 s, and others get what its stream owned', async () => {
    await using fleet = await openFleet(at);
    await fleet.create('t', 2);
    await fleet.publish('t', upTo(10));
    const fast = await fleet.open(fastClock(20));
    const silent = startReader(fast.subscriptions, { ...mart, heartbeatMs: 60_000 });
    await silent.until(({ owned }) => owned.length === 2);
    await set(fast, silent, [{ partition: 1, next: 0 }]);
    await silent.until(({ over }) => over !== undefined);
    expect(silent.frames.at(-1)).toMatchObject({
      kind: 'end',
      reason: 'positions_not_set',
      message: expect.stringContaining('partition 0 of t'),
      retryDelayMs: 1_000,
    });
    const other = startReader(fleet.first.subscriptions, mart);
    await other.until(({ owned }) => owned.length === 2);
    await set(fleet.first, other, [
      { partition: 0, next: 0 },
      { partition: 1, next: 0 },
    ]);
    await other.until(({ got }) => got.length === 10);
    other.close();
  });
});

test('a bounded stream ends when what it was given positions for is sent, and not before', async () => {
  await using fleet = await openFleet();
  await fleet.create('t');
  await fleet.publish('t', upTo(10));
  const reader = startReader(fleet.first.subscriptions, { ...mart, follow: false });
  await reader.until(({ owned }) => owned.length === 1);
  await quiet(reader);
  expect(reader.over).toBeUndefined();
  await set(fleet.first, reader, [{ next: 7 }]);
  await reader.until(({ over }) => over === 'end');
  expect(reader.got.map(({ value }) => value)).toEqual([7, 8, 9]);
});

test('max_uncommitted holds back what is beyond the committed position, and nothing that is committed already', async () => {
  await using fleet = await openFleet();
  await fleet.create('t');
  await fleet.publish('t', upTo(10));
  const reader = startReader(fleet.first.subscriptions, { ...mart, maxUncommitted: 2 });
  await reader.until(({ owned }) => owned.length === 1);
  await set(fleet.first, reader, [{ next: 0 }]);
  await quiet(reader);
  expect(reader.got).toHaveLength(2);
  const at = { topic: 't', incarnation: reader.assignment?.topics[0]?.incarnation ?? '', partition: 0 };
  const generation = reader.assignment?.generation ?? 0;
  const positions = [{ ...at, nextOffset: 8 }];
  await fleet.first.subscriptions.commit({ subscriber: 'mart', positions, generation }, never);
  await reader.until(({ got }) => got.length >= 8);
  reader.close();
  const again = startReader(fleet.first.subscriptions, { ...mart, maxUncommitted: 2 });
  await again.until(({ owned }) => owned.length === 1);
  await set(fleet.first, again, [{ next: 1 }]);
  await again.until(({ got }) => got.length >= 9);
  again.close();
});

test('positions of the client need a subscriber, and explicit commits', async () => {
  await using fleet = await openFleet();
  await fleet.create('t');
  const refused = async (command: SubscribeCommand) => {
    const reader = startReader(fleet.first.subscriptions, command);
    await reader.until(({ over }) => over !== undefined);
    return reader.over;
  };
  expect(await refused({ topic: 't', positionsFrom: 'client' })).toBe('INVALID_REQUEST');
  expect(await refused({ ...mart, commitMode: 'on_delivery' })).toBe('INVALID_REQUEST');
});
