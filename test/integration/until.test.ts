import { Buffer } from 'node:buffer';
import { setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeCursor, encodeCursor } from '../../src/core/cursor.js';
import type { SubscribeCommand } from '../../src/core/subscribe/frames.js';
import { offsetsIn } from '../../src/core/subscribe/start.js';
import { openBus, type TestBus } from '../support/open-bus.js';

const never = new AbortController().signal;
setMaxListeners(0, never);

async function publish(bus: TestBus, values: readonly number[], topic = 't') {
  const events = values.map((value) => ({ payload: Buffer.from(String(value)), key: Buffer.from(String(value)) }));
  return bus.publisher.publish({ topic, mode: 'all_or_nothing', events }, never);
}

async function busWith(count: number, partitions = 1): Promise<TestBus> {
  const bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true, partitions }, adopt: false });
  if (count > 0)
    await publish(
      bus,
      Array.from({ length: count }, (_, i) => i),
    );
  return bus;
}

async function all(bus: TestBus, command: Partial<SubscribeCommand>, onReady: () => Promise<unknown> = async () => {}) {
  const values: number[] = [];
  for await (const frame of bus.subscriptions.subscribe({ topic: 't', from: { at: 'earliest' }, ...command }, never)) {
    if (frame.kind === 'ready') await onReady();
    if (frame.kind === 'events') values.push(...frame.deliveries.map(({ record }) => Number(record.value)));
    if (frame.kind === 'end')
      return { values: values.sort((a, b) => a - b), reason: frame.reason, cursor: frame.cursor };
  }
  throw new Error('the stream ended without an end');
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

/** A moment that is later than every record so far, and not later than those to come. */
async function nextMoment(): Promise<number> {
  const now = Date.now();
  while (Date.now() === now) await new Promise((resolve) => setImmediate(resolve));
  return Date.now();
}

test('ends at places as they are at the start', async () => {
  await using bus = await busWith(20, 3);
  expect(await all(bus, { until: { at: 'latest' } })).toMatchObject({ values: upTo(20), reason: 'until' });
  expect(await all(bus, { until: { at: 'earliest' } })).toMatchObject({ values: [], reason: 'until' });
  expect(await all(bus, { until: { at: 'latest' }, limit: 5 })).toMatchObject({ reason: 'limit' });
  expect(await all(bus, { until: { at: 'latest' }, follow: false })).toMatchObject({
    values: upTo(20),
    reason: 'until',
  });
});

test('ends at any cursor, and what comes from there on is the rest', async () => {
  await using bus = await busWith(200, 3);
  const topic = bus.topics.peek('t');
  const whole = await all(bus, { until: { at: 'latest' } });
  const ends = offsetsIn(decodeCursor(whole.cursor)[0]?.positions ?? []);
  const place = fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  );
  await fc.assert(
    fc.asyncProperty(place, async (shares) => {
      const positions = shares.map((share, i): [number, number] => [i, Math.floor(share * (ends.get(i) ?? 0))]);
      const cursor = encodeCursor([{ topic: 't', incarnation: topic?.incarnation ?? '', positions }]);
      const before = await all(bus, { until: { at: 'cursor', cursor } });
      expect(before.reason).toBe('until');
      expect([...offsetsIn(decodeCursor(before.cursor)[0]?.positions ?? [])]).toEqual(positions);
      const after = await all(bus, { from: { at: 'cursor', cursor }, until: { at: 'latest' } });
      expect([...before.values, ...after.values].sort((a, b) => a - b)).toEqual(upTo(200));
    }),
    { numRuns: 20 },
  );
});

test('a cursor that lacks a partition is from before it was added', async () => {
  await using bus = await busWith(50, 2);
  const incarnation = bus.topics.peek('t')?.incarnation ?? '';
  const cursor = encodeCursor([{ topic: 't', incarnation, positions: [[0, 3]] }]);
  expect((await all(bus, { until: { at: 'cursor', cursor } })).values).toHaveLength(3);
});

test('waits for a cursor that is still to come', async () => {
  await using bus = await busWith(2);
  const incarnation = bus.topics.peek('t')?.incarnation ?? '';
  const cursor = encodeCursor([{ topic: 't', incarnation, positions: [[0, 4]] }]);
  const { values, reason } = await all(bus, { until: { at: 'cursor', cursor } }, () => publish(bus, [2, 3, 4, 5]));
  expect([values, reason]).toEqual([upTo(4), 'until']);
});

test.each([
  [[{ topic: 'other', incarnation: 'x', positions: [[0, 1]] }], 'CURSOR_WRONG_TOPIC'],
  [[{ topic: 't', incarnation: 'x', positions: [[0, 1]] }], 'CURSOR_STALE_TOPIC'],
] as const)('refuses a cursor that is not of the topic', async (cursor, reason) => {
  await using bus = await busWith(1);
  const until = {
    at: 'cursor',
    cursor: encodeCursor(cursor.map((part) => ({ ...part, positions: [[0, 1]] }))),
  } as const;
  await expect(all(bus, { until })).rejects.toMatchObject({ reason });
  await expect(all(bus, { until, subscriber: 's' })).rejects.toMatchObject({ reason });
});

test('a time that has passed ends each partition at the first record that is not older', async () => {
  await using bus = await busWith(30, 3);
  const moment = await nextMoment();
  await publish(bus, [100, 101, 102]);
  const until = { at: 'time', timestamp: moment } as const;
  expect(await all(bus, { until })).toMatchObject({ values: upTo(30), reason: 'until' });
  expect(await all(bus, { until: { at: 'time', timestamp: Date.now() } })).toMatchObject({ reason: 'until' });
});

test('a time to come lets everything through until it has passed', async () => {
  await using bus = await busWith(3, 2);
  const until = { at: 'time', timestamp: Date.now() + 1_500 } as const;
  const { values, reason } = await all(bus, { until }, () => publish(bus, [3, 4, 5]));
  expect([values, reason]).toEqual([upTo(6), 'until']);
  expect(Date.now()).toBeGreaterThanOrEqual(until.timestamp);
  await publish(bus, [6]);
  expect((await all(bus, { until })).values).toEqual(upTo(6));
});

test('without following, a time to come ends at the end that there is', async () => {
  await using bus = await busWith(3);
  const until = { at: 'time', timestamp: Date.now() + 3_600_000 } as const;
  expect(await all(bus, { until, follow: false })).toMatchObject({ values: upTo(3), reason: 'caught_up' });
});

test("a subscriber's bounded streams end together, also where a filter passes over the last records", async () => {
  await using bus = await busWith(100, 4);
  const until = { at: 'latest' } as const;
  const run = () =>
    all(bus, { subscriber: 's', commitMode: 'on_delivery', until, filter: 'payload < 10', heartbeatMs: 60_000 });
  const [one, two] = await Promise.all([run(), run()]);
  expect([...one.values, ...two.values].sort((a, b) => a - b)).toEqual(upTo(10));
  expect([one.reason, two.reason]).toEqual(['until', 'until']);
});

test("a subscriber's stream ends when a time to come has passed", async () => {
  await using bus = await busWith(10, 2);
  const until = { at: 'time', timestamp: Date.now() + 1_500 } as const;
  const ended = await all(bus, { subscriber: 's', commitMode: 'on_delivery', until });
  expect(ended).toMatchObject({ values: upTo(10), reason: 'until' });
  expect((await bus.subscribers.get('s')).positions.map(({ lag }) => lag)).toEqual([0, 0]);
});
