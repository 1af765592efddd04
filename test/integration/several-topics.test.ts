import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { decodeCursor } from '../../src/core/cursor.js';
import { BusError } from '../../src/core/errors.js';
import { useZooKeeper } from '../cluster/use-cluster.js';
import { openFleet } from '../support/open-fleet.js';
import { type Reader, startReader, untilAll } from '../support/reader.js';

const never = new AbortController().signal;
setMaxListeners(0, never);
const servers = await useZooKeeper();
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from);
const values = (readers: readonly Reader[]) =>
  readers.flatMap(({ got }) => got.map(({ value }) => value)).sort((a, b) => a - b);
const pairs: [string, readonly string[] | undefined][] = [
  ['embedded', undefined],
  ['zookeeper', servers],
];

describe.each(pairs.filter(([name, at]) => name === 'embedded' || at))('on %s', (_, at) => {
  test('several topics in one stream: each frame names its topic, and a cursor covers all', async () => {
    await using fleet = await openFleet(at);
    const { subscriptions } = fleet.first;
    await fleet.create('a', 2);
    await fleet.create('b');
    await fleet.publish('a', upTo(10));
    await fleet.publish('b', upTo(10, 10));
    const reader = startReader(subscriptions, { topics: ['a', 'b'], from: { at: 'earliest' } });
    await reader.until(({ got }) => got.length === 20);
    expect(reader.owned).toEqual(['a/0', 'a/1', 'b/0']);
    expect(reader.assignment).toMatchObject({ topic: '', partitions: [] });
    for (const { topic, value } of reader.got) expect(topic).toBe(value < 10 ? 'a' : 'b');
    const last = reader.frames.findLast((frame) => frame.kind === 'events');
    const cursor = last?.kind === 'events' ? last.cursor : '';
    expect(decodeCursor(cursor).map(({ topic }) => topic)).toEqual(['a', 'b']);
    reader.close();
    await fleet.publish('b', [20]);
    // A topic that the cursor lacks was added later: it starts at its beginning.
    await fleet.create('c');
    await fleet.publish('c', [21]);
    const again = startReader(subscriptions, {
      topics: ['a', 'b', 'c'],
      from: { at: 'cursor', cursor },
      follow: false,
    });
    await again.until(({ over }) => over === 'end');
    expect(values([again])).toEqual([20, 21]);
  });

  test('streams of one subscriber share several topics evenly, and commit by cursors over all of them', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('a', 3);
    await fleet.create('b', 3);
    const command = { topics: ['a', 'b'], subscriber: 'mart' };
    const readers = [
      startReader(fleet.first.subscriptions, command, { commitAt: b.subscriptions }),
      startReader(b.subscriptions, command, { commitAt: fleet.first.subscriptions }),
    ];
    await untilAll(readers, () => readers.every(({ owned }) => owned.length === 3));
    await fleet.publish('a', upTo(30));
    await fleet.publish('b', upTo(30, 30));
    await untilAll(readers, () => values(readers).length >= 60);
    expect(values(readers)).toEqual(upTo(60));
    readers[0]?.close();
    await readers[1]?.until(({ owned }) => owned.length === 6);
    await fleet.publish('a', [60]);
    await untilAll(readers, () => values(readers).includes(60));
    expect(values(readers)).toEqual(upTo(61));
    readers[1]?.close();
  });

  test('one of two named topics is deleted meanwhile: the stream ends with TOPIC_DELETED; positions in the other stay', async () => {
    await using fleet = await openFleet(at);
    await fleet.create('a');
    await fleet.create('b');
    const { subscriptions, topics } = fleet.first;
    const command = { topics: ['a', 'b'], subscriber: 'mart' };
    const reader = startReader(subscriptions, command, { commitAt: subscriptions });
    await reader.until(({ owned }) => owned.length === 2);
    await fleet.publish('a', upTo(5));
    await reader.until(({ got }) => got.length === 5);
    const { position } = reader;
    await topics.delete('b');
    await reader.until(({ over }) => over !== undefined);
    expect(reader.over).toBe('TOPIC_DELETED');
    const late = subscriptions.commit({ subscriber: 'mart', cursor: '', generation: 0, ...position }, never);
    expect(
      await late.then(
        () => 'committed',
        (error: unknown) => BusError.from(error).reason,
      ),
    ).toBe('TOPIC_NOT_FOUND');
    const next = startReader(subscriptions, { topic: 'a', subscriber: 'mart' });
    await next.until(({ owned }) => owned.length === 1);
    await fleet.publish('a', [5]);
    await next.until(({ got }) => got.some(({ value }) => value === 5));
    next.close();
  });

  test('a pattern: topics that are created join from their beginning, deleted ones leave, and it is announced', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('orders.eu', 2);
    await fleet.create('other');
    const command = { pattern: 'orders.*', subscriber: 'mart' };
    const readers = [
      startReader(fleet.first.subscriptions, command, { commitAt: fleet.first.subscriptions }),
      startReader(b.subscriptions, command, { commitAt: b.subscriptions }),
    ];
    const owned = () => readers.flatMap((reader) => reader.owned).sort();
    await untilAll(readers, () => `${owned()}` === 'orders.eu/0,orders.eu/1');
    await fleet.create('orders.us', 2);
    await fleet.publish('orders.us', upTo(10));
    await fleet.publish('other', [99]);
    await untilAll(readers, () => owned().length === 4 && values(readers).length === 10);
    expect(readers.map((reader) => reader.owned.length)).toEqual([2, 2]);
    await fleet.first.topics.delete('orders.eu');
    await untilAll(readers, () => `${owned()}` === 'orders.us/0,orders.us/1');
    expect(readers.map(({ over }) => over)).toEqual([undefined, undefined]);
    await fleet.publish('orders.us', upTo(10, 10));
    await untilAll(readers, () => values(readers).length === 20);
    expect(values(readers)).toEqual(upTo(20));
    // Created anew while the streams go on: another life, from its beginning.
    await fleet.create('orders.eu', 1);
    await fleet.publish('orders.eu', upTo(5, 20));
    await untilAll(readers, () => values(readers).length === 25);
    for (const reader of readers) reader.close();
  });

  test('a pattern without a subscriber, and one that matches nothing yet', async () => {
    await using fleet = await openFleet(at);
    const { subscriptions, topics } = fleet.first;
    const reader = startReader(subscriptions, { pattern: 'orders.*' });
    await reader.until(({ frames }) => frames.length > 0);
    expect(reader.owned).toEqual([]);
    await fleet.create('orders.eu');
    await fleet.publish('orders.eu', [1, 2]);
    await reader.until(({ got }) => got.length === 2);
    expect(reader.owned).toEqual(['orders.eu/0']);
    await topics.delete('orders.eu');
    await reader.until(({ owned }) => owned.length === 0);
    expect(reader.over).toBeUndefined();
    reader.close();
  });
});
