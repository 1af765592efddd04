import { expect, onTestFinished, test } from 'vitest';
import { createMainstemClient } from '../../src/client/index.js';
import { encodeCursor } from '../../src/core/cursor.js';
import { compareCursors } from '../../src/core/subscribe/compare-cursors.js';
import { serveBus } from '../support/app-stand.js';
import { openBus } from '../support/open-bus.js';

const at = (topic: string, incarnation: string, ...positions: [number, number][]) => ({
  topic,
  incarnation,
  positions,
});

test('the distance of a stream that has gone on, over each protocol', async () => {
  const { address, topic: newTopic } = await serveBus(await openBus());
  const client = createMainstemClient({ address });
  onTestFinished(() => client.close());
  const topic = await newTopic(undefined, { partitions: 2 });
  const endOf = async () => {
    for await (const frame of client.frames({ topic, from: 'earliest', follow: false })) {
      if (frame.case === 'end') return frame.value.cursor;
    }
    throw new Error('the stream ended without an end');
  };
  const events = (count: number) => Array.from({ length: count }, (_, n) => ({ key: `k${n}`, data: n }));
  await client.publish({ topic, events: events(10) });
  const from = await endOf();
  await client.publish({ topic, events: events(7) });
  const to = await endOf();
  const forth = await client.compareCursors(from, to);
  expect(forth).toMatchObject({
    total: 7n,
    partitions: [
      { topic, partition: 0 },
      { topic, partition: 1 },
    ],
  });
  expect((await client.compareCursors(to, from)).total).toBe(-7n);
  const answer = await fetch(`${address}/v1/cursors/distance?from=${from}&to=${to}`);
  const body = JSON.parse(await answer.text());
  expect(body.total).toBe(7);
  expect(body.partitions.map((each: { distance: number }) => BigInt(each.distance))).toEqual(
    forth.partitions.map(({ distance }) => distance),
  );
  const bad = await fetch(`${address}/v1/cursors/distance?from=${from}&to=x`);
  expect([bad.status, JSON.parse(await bad.text()).reason]).toEqual([400, 'CURSOR_MALFORMED']);
  expect((await fetch(`${address}/v1/cursors/distance?from=${from}`)).status).toBe(400);
});

test('what only one cursor has stands at 0 in the other; other lives and other topics have no distance', () => {
  const from = encodeCursor([at('a', 'i', [0, 5], [1, 9])]);
  const to = encodeCursor([at('a', 'i', [1, 4], [2, 7]), at('b', 'j', [0, 3])]);
  expect(compareCursors(from, to)).toEqual({
    total: -5 - 5 + 7 + 3,
    partitions: [
      { topic: 'a', partition: 0, from: 5, to: 0, distance: -5 },
      { topic: 'a', partition: 1, from: 9, to: 4, distance: -5 },
      { topic: 'a', partition: 2, from: 0, to: 7, distance: 7 },
      { topic: 'b', partition: 0, from: 0, to: 3, distance: 3 },
    ],
  });
  const reason = (other: string) => {
    try {
      return compareCursors(from, other);
    } catch (error) {
      return error;
    }
  };
  expect(reason(encodeCursor([at('b', 'i', [0, 5])]))).toMatchObject({ reason: 'CURSOR_WRONG_TOPIC' });
  expect(reason(encodeCursor([at('a', 'j', [0, 5])]))).toMatchObject({ reason: 'CURSOR_STALE_TOPIC' });
});
