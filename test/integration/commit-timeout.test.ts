import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { SubscribeCommand } from '../../src/core/subscribe/frames.js';
import { useZooKeeper } from '../cluster/use-cluster.js';
import { fastClock } from '../support/clocks.js';
import { type Instance, openFleet } from '../support/open-fleet.js';
import { type Reader, startReader } from '../support/reader.js';
import { reasonOf } from '../support/reasons.js';

const never = new AbortController().signal;
setMaxListeners(0, never);
const servers = await useZooKeeper();
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from);
const mart = { topic: 't', subscriber: 'mart' } as const;
const lengths = ({ frames }: Reader) =>
  frames.flatMap((frame) => (frame.kind === 'events' ? [frame.deliveries.length] : []));
const streamOf = ({ frames }: Reader) =>
  frames.flatMap((frame) => (frame.kind === 'ready' ? [frame.streamId] : []))[0] ?? '';

const pairs: [string, readonly string[] | undefined][] = [
  ['embedded', undefined],
  ['zookeeper', servers],
];

/** Commits one record after the other, each after a while: as a consumer that takes its time for each. */
async function work(bus: Instance, reader: Reader, count: number, eachMs: number): Promise<void> {
  const { incarnation } = await bus.topics.require('t');
  for (let done = 1; done <= count; done++) {
    await reader.until(({ got }) => got.length >= done);
    await sleep(eachMs);
    const position = { topic: 't', incarnation, partition: 0, nextOffset: done };
    const generation = reader.assignment?.generation ?? 0;
    await bus.subscriptions.commit({ subscriber: 'mart', positions: [position], generation }, never);
  }
}

describe.each(pairs.filter(([name, at]) => name === 'embedded' || at))('on %s', (_, at) => {
  test.each([
    ['here', {}],
    ['at another instance', {}],
    ['with a bound', { maxUncommitted: 1_000 }],
  ])('commits inside of frames keep a slow consumer its partition: %s', async (where, more) => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t');
    await fleet.publish('t', upTo(25));
    const slow = startReader(fleet.first.subscriptions, { ...mart, ...more, commitTimeoutMs: 1_000 });
    await slow.until(({ owned }) => owned.length === 1);
    const other = startReader(b.subscriptions, mart);
    // Two and a half timeouts. A commit that is refused fails the test.
    await work(where === 'here' ? fleet.first : b, slow, 25, 100);
    expect(slow.owned).toEqual(['t/0']);
    expect(other.got).toEqual([]);
    expect(slow.got.map(({ value }) => value)).toEqual(upTo(25));
    slow.close();
    other.close();
  });

  test('a park inside of a frame is a sign of life too', async () => {
    await using fleet = await openFleet(at);
    await fleet.create('t');
    await fleet.publish('t', upTo(15));
    const slow = startReader(fleet.first.subscriptions, { ...mart, commitTimeoutMs: 1_000 });
    await slow.until(({ owned }) => owned.length === 1);
    const other = startReader(fleet.first.subscriptions, mart);
    for (let offset = 0; offset < 15; offset++) {
      await slow.until(({ got }) => got.length > offset);
      await sleep(150);
      const generation = slow.assignment?.generation ?? 0;
      const parked = { subscriber: 'mart', topic: 't', partition: 0, offset, reason: 'no', attempts: 1, generation };
      await fleet.first.subscribers.park(parked, never);
    }
    expect([slow.owned, other.got]).toEqual([['t/0'], []]);
    slow.close();
    other.close();
  });

  test.each(['here', 'at another instance'])('keep-alive holds the partition without a commit: %s', async (where) => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t');
    await fleet.publish('t', upTo(3));
    const stuck = startReader(fleet.first.subscriptions, { ...mart, commitTimeoutMs: 1_500 });
    await stuck.until(({ got }) => got.length === 3);
    const other = startReader(b.subscriptions, mart);
    const bus = where === 'here' ? fleet.first : b;
    const of = { subscriber: 'mart', streamId: streamOf(stuck), generation: stuck.assignment?.generation ?? 0 };
    const keepAlive = (change: object = {}) => bus.subscriptions.keepAlive({ ...of, ...change }, never);
    for (let i = 0; i < 16; i++) {
      await keepAlive();
      await sleep(250);
    }
    expect([stuck.owned, other.got]).toEqual([['t/0'], []]);
    expect(await reasonOf(keepAlive({ streamId: 'no such stream' }))).toBe('FENCED');
    expect(await reasonOf(keepAlive({ generation: of.generation + 1 }))).toBe('FENCED');
    expect(await reasonOf(keepAlive({ subscriber: 'nobody' }))).toBe('SUBSCRIBER_NOT_FOUND');
    // It stops saying so, and the other one takes over.
    await other.until(({ got }) => got.length === 3);
    await stuck.until(({ owned }) => owned.length === 0);
    expect(await reasonOf(keepAlive())).toBe('FENCED');
    stuck.close();
    other.close();
  });

  test('a frame holds at most as many records as were committed lately, and at least one', async () => {
    await using fleet = await openFleet(at);
    await fleet.create('t');
    await fleet.publish('t', upTo(30));
    const reader = startReader(fleet.first.subscriptions, mart);
    await reader.until(({ got }) => got.length === 30);
    expect(lengths(reader)).toEqual(Array(30).fill(1));
    const { cursor, generation } = reader.position ?? { cursor: '', generation: 0 };
    await fleet.first.subscriptions.commit({ subscriber: 'mart', cursor, generation }, never);
    await fleet.publish('t', upTo(100, 30));
    await reader.until(({ got }) => got.length === 130);
    const after = lengths(reader).slice(30);
    expect(Math.max(...after)).toBe(30);
    reader.close();
  });
});

test('the timeout is 5 min by default, and 0 switches it off', async () => {
  await using fleet = await openFleet();
  // An hour takes 12 s.
  const fast = await fleet.open(fastClock(300));
  for (const [topic, commitTimeoutMs] of [
    ['dropped', undefined],
    ['kept', 0],
  ] as const) {
    await fleet.create(topic);
    await fleet.publish(topic, upTo(3));
    const command: SubscribeCommand = { topic, subscriber: topic, commitTimeoutMs, heartbeatMs: 60_000 };
    const idle = startReader(fast.subscriptions, command);
    await idle.until(({ got }) => got.length === 3);
    const other = startReader(fleet.first.subscriptions, { topic, subscriber: topic });
    await other.until(({ frames }) => frames.length > 0);
    if (commitTimeoutMs === undefined) {
      await other.until(({ got }) => got.length === 3);
    } else {
      await sleep(3_000);
      expect([idle.owned, other.got]).toEqual([['kept/0'], []]);
    }
    idle.close();
    other.close();
  }
});

test('a stream that has nothing to commit keeps what it has, and one whose server commits has long frames', async () => {
  await using fleet = await openFleet();
  const fast = await fleet.open(fastClock(300));
  await fleet.create('t');
  const caughtUp = startReader(fast.subscriptions, { ...mart, heartbeatMs: 60_000 });
  await caughtUp.until(({ owned }) => owned.length === 1);
  const other = startReader(fleet.first.subscriptions, mart);
  await sleep(3_000);
  expect([caughtUp.owned, other.owned]).toEqual([['t/0'], []]);
  caughtUp.close();
  other.close();
  await fleet.publish('t', upTo(50));
  for (const commitMode of ['on_delivery', 'before_delivery'] as const) {
    const reader = startReader(fleet.first.subscriptions, { topic: 't', subscriber: commitMode, commitMode });
    await reader.until(({ got }) => got.length === 50);
    expect(Math.max(...lengths(reader))).toBeGreaterThan(1);
    reader.close();
  }
});
