import { setMaxListeners } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { encodeCursor } from '../../src/core/cursor.js';
import { readHeaders } from '../../src/core/event-headers.js';
import { redriveTopicOf } from '../../src/core/parking/names.js';
import { readingSubscribersPath } from '../../src/core/readers/records.js';
import type { ResetCommand } from '../../src/core/subscribers/subscriber.js';
import { useZooKeeper } from '../cluster/use-cluster.js';
import { type Instance, openFleet } from '../support/open-fleet.js';
import { type Reader, startReader, untilAll } from '../support/reader.js';
import { reasonOf } from '../support/reasons.js';

const never = new AbortController().signal;
setMaxListeners(0, never);
const servers = await useZooKeeper();
const subscriber = 'mart';
const mart = { topic: 't', subscriber } as const;
const redriveTopic = redriveTopicOf(subscriber);
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from);
const values = (...readers: readonly Reader[]) =>
  readers.flatMap(({ got }) => got.map(({ value }) => value)).sort((a, b) => a - b);

const reset = (at: Instance, more: Partial<ResetCommand> = {}) =>
  at.subscribers.reset({
    subscriber,
    topic: undefined,
    partitions: [],
    to: { at: 'earliest' },
    dryRun: false,
    force: true,
    ...more,
  });
const commit = (at: Instance, position: Reader['position']) =>
  at.subscriptions.commit({ subscriber, cursor: '', generation: -1, ...position }, never);
const isReset = ({ frames, over }: Reader) => {
  const last = frames.at(-1);
  return over === 'end' && last?.kind === 'end' && last.reason === 'subscriber_reset';
};

const pairs: [string, readonly string[] | undefined][] = [
  ['embedded', undefined],
  ['zookeeper', servers],
];

describe.each(pairs.filter(([name, at]) => name === 'embedded' || at))('on %s', (_, at) => {
  test('a forced reset ends the streams of all instances, refuses their commits, and the next ones go on where it says', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 4);
    await fleet.publish('t', upTo(40));
    const readers = [startReader(fleet.first.subscriptions, mart), startReader(b.subscriptions, mart)] as const;
    await untilAll(readers, () => readers.every(({ owned }) => owned.length === 2) && values(...readers).length >= 40);
    const positions = readers.map(({ position }) => position);
    await commit(b, positions[0]);
    await commit(fleet.first, positions[1]);
    expect(await reasonOf(reset(b, { force: false }))).toBe('SUBSCRIBER_ACTIVE');
    const { fencedStreams, changes } = await reset(b);
    expect(fencedStreams).toBe(2);
    expect(changes.map(({ to }) => to)).toEqual([0, 0, 0, 0]);
    await Promise.all(readers.map((reader) => reader.until(isReset)));
    for (const position of positions) expect(await reasonOf(commit(fleet.first, position))).toBe('FENCED');
    const again = startReader(fleet.first.subscriptions, mart);
    await again.until(() => values(again).length === 40);
    expect(values(again)).toEqual(upTo(40));
    again.close();
  });

  test('a reset that its instance has not lived to carry out is carried out by the next stream', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 2);
    await fleet.publish('t', upTo(20));
    await reset(fleet.first, { topic: 't', to: { at: 'latest' } });
    // The decision is written, and nothing after it.
    b.coordination.failsAt = ({ path }) => path.includes('offsets');
    expect(await reasonOf(reset(b))).toBe('COORDINATION_UNAVAILABLE');
    const reader = startReader(fleet.first.subscriptions, mart);
    await reader.until(() => values(reader).length === 20);
    expect(values(reader)).toEqual(upTo(20));
    expect(reader.over).toBeUndefined();
    reader.close();
  });

  test('a forced deletion ends the streams and forgets all; who comes then begins anew, under generations that nobody had', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 2);
    await fleet.publish('t', upTo(20));
    const old = startReader(fleet.first.subscriptions, mart);
    await old.until(() => values(old).length === 20);
    const { position } = old;
    await commit(b, position);
    expect(await reasonOf(b.subscribers.delete(subscriber, false))).toBe('SUBSCRIBER_ACTIVE');
    await b.subscribers.delete(subscriber, true);
    await old.until(isReset);
    expect(await reasonOf(b.subscribers.get(subscriber))).toBe('SUBSCRIBER_NOT_FOUND');
    expect(await reasonOf(commit(b, position))).toBe('SUBSCRIBER_NOT_FOUND');
    const next = startReader(b.subscriptions, mart);
    await next.until(() => values(next).length === 20);
    expect(next.assignment?.generation).toBeGreaterThan(position?.generation ?? Number.NaN);
    expect(await reasonOf(commit(b, position))).toBe('FENCED');
    next.close();
  });

  test('a forced deletion under open streams leaves nothing of the subscriber in coordination', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 2);
    await fleet.publish('t', upTo(4));
    const readers = [fleet.first, b].map((each) => startReader(each.subscriptions, mart));
    await b.coordination.create([...readingSubscribersPath('t'), subscriber], new Uint8Array());
    // A stream that joins only later belongs to the next subscriber of that name.
    await untilAll(readers, () => readers.every(({ owned }) => owned.length === 1));
    await b.subscribers.delete(subscriber, true);
    await Promise.all(readers.map((reader) => reader.until(isReset)));
    await vi.waitFor(async () => expect(await b.coordination.children(['subscribers'])).toEqual([]), {
      timeout: 20_000,
    });
    expect(await b.coordination.children(readingSubscribersPath('t'))).toEqual([]);
  });

  test('nobody commits or parks for a subscriber that does not exist', async () => {
    await using fleet = await openFleet(at);
    const { incarnation } = await fleet.create('t', 1);
    await fleet.publish('t', upTo(3));
    const cursor = encodeCursor([{ topic: 't', incarnation, positions: [[0, 2]] }]);
    expect(await reasonOf(commit(fleet.first, { cursor, generation: 1 }))).toBe('SUBSCRIBER_NOT_FOUND');
    const record = { ...mart, partition: 0, offset: 1, reason: 'no', attempts: 1, generation: 1 };
    expect(await reasonOf(fleet.first.subscribers.park(record, never))).toBe('SUBSCRIBER_NOT_FOUND');
    expect(await fleet.first.coordination.children(['subscribers'])).toEqual([]);
  });

  test('streams that join while the subscriber is deleted again and again have all of it, or are told', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 2);
    await fleet.publish('t', upTo(10));
    for (let round = 0; round < 8; round++) {
      const reader = startReader(fleet.first.subscriptions, mart);
      if (round % 2 === 0) await reader.until(({ frames, over }) => frames.length > 0 || over !== undefined);
      await b.subscribers.delete(subscriber, true).catch((error: unknown) => {
        expect(error).toMatchObject({ reason: expect.stringMatching(/^SUBSCRIBER_(NOT_FOUND|BUSY)$/) });
      });
      await reader.until((each) => each.over !== undefined || values(each).length === 10);
      if (reader.over === undefined) expect(values(reader)).toEqual(upTo(10));
      else if (!isReset(reader)) expect(reader.over).toMatch(/^COORDINATION_UNAVAILABLE$/);
      reader.close();
    }
    const last = startReader(b.subscriptions, mart);
    await last.until(() => values(last).length === 10);
    expect(values(last)).toEqual(upTo(10));
    last.close();
  });

  test('what is redriven comes to a stream of its subscriber on any instance, and to nobody else', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 2);
    await fleet.publish('t', upTo(10));
    const reader = startReader(fleet.first.subscriptions, mart, { commitAt: b.subscriptions });
    await reader.until(() => values(reader).length === 10);
    const [bad] = reader.got;
    const { generation = -1 } = reader.position ?? {};
    const { topic = '', partition = 0, offset = 0, value = -1 } = bad ?? {};
    await b.subscribers.park({ ...mart, partition, offset, reason: 'no', attempts: 2, generation }, never);
    const other = startReader(b.subscriptions, { ...mart, subscriber: 'other' });
    const plain = startReader(b.subscriptions, { topic: 't', from: { at: 'earliest' } });
    await Promise.all([other, plain].map((each) => each.until(() => values(each).length === 10)));

    expect(await b.subscribers.redrive(subscriber, 'all')).toBe(1);
    await reader.until(({ got }) => got.length === 11);
    expect(reader.got.at(-1)).toMatchObject({ topic: redriveTopic, partition: 0, offset: 0, value });
    const frame = reader.frames.findLast(({ kind }) => kind === 'events');
    const [delivery] = frame?.kind === 'events' ? frame.deliveries : [];
    const { redriven } = readHeaders(delivery?.record.headers ?? []);
    expect(redriven).toMatchObject({ topic, partition, offset, reason: 'no', attempts: 2 });
    expect(reader.assignment?.topic).toBe('t');
    expect(reader.owned).toContain(`${redriveTopic}/0`);
    await reader.until(({ position }) => position !== undefined);
    await commit(b, reader.position);
    reader.close();

    // Committed like any other record: it does not come to the next stream again.
    const next = startReader(b.subscriptions, mart);
    await next.until(({ owned }) => owned.length === 3);
    await fleet.publish('t', [10]);
    await next.until(({ got }) => got.length > 0);
    expect(next.got).toMatchObject([{ topic: 't', value: 10 }]);
    expect([values(other), values(plain)].every((got) => !got.some((each, i) => each === got[i - 1]))).toBe(true);

    // The redrive topic is no topic that the stream has asked for.
    await b.topics.delete(redriveTopic);
    await next.until(({ owned }) => owned.length === 2);
    await fleet.publish('t', [11]);
    await next.until(({ got }) => got.length === 2);
    expect(next.over).toBeUndefined();
    for (const each of [next, other, plain]) each.close();
  });

  test('a bounded read delivers what was redriven before it', async () => {
    await using fleet = await openFleet(at);
    await fleet.create('t', 1);
    await fleet.publish('t', upTo(3));
    const reader = startReader(fleet.first.subscriptions, mart);
    await reader.until(() => values(reader).length === 3);
    const { generation = -1 } = reader.position ?? {};
    await fleet.first.subscribers.park(
      { ...mart, partition: 0, offset: 2, reason: '', attempts: 1, generation },
      never,
    );
    await fleet.first.subscribers.redrive(subscriber, 'all');
    await reader.until(({ got }) => got.length === 4);
    reader.close();
    const bounded = startReader(fleet.first.subscriptions, { ...mart, follow: false });
    await bounded.until(({ over }) => over !== undefined);
    expect(bounded.got).toMatchObject([{ topic: redriveTopic, value: 2 }]);
  });
});
