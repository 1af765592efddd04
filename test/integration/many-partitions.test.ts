import { Buffer } from 'node:buffer';
import { setMaxListeners } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openBus, type TestBus } from '../support/open-bus.js';

const never = new AbortController().signal;
setMaxListeners(0, never);
const events = 24_000;
const value = Buffer.from('{"text":"a small event, as most are"}');

/** Topics `w0`, `w1`, … with the events spread evenly over all partitions. */
async function fill(bus: TestBus, topics: number, partitions: number): Promise<void> {
  const each = events / topics / partitions;
  const records = Array.from({ length: each }, () => ({ key: null, value, headers: [] }));
  for (let t = 0; t < topics; t++) {
    await bus.topics.create({ name: `w${t}`, settings: { schemaless: true, partitions }, adopt: false });
    await Promise.all(Array.from({ length: partitions }, (_, p) => bus.log.append(`w${t}`, p, records)));
  }
}

test('a stream over 4,000 partitions reads each range once, in frames of many, and with hardly a timer', async () => {
  await using bus = await openBus();
  await fill(bus, 4, 1_000);
  const reads = vi.spyOn(bus.log, 'read');
  const timers = vi.spyOn(globalThis, 'setTimeout');
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  const seen = new Map<string, number>();
  let got = 0;
  let frames = 0;
  for await (const frame of bus.subscriptions.subscribe({ pattern: 'w*', from: { at: 'earliest' } }, never)) {
    if (frame.kind !== 'events') continue;
    frames++;
    for (const { partition, record } of frame.deliveries) {
      const place = `${frame.topic}/${partition}`;
      expect(record.offset).toBe(seen.get(place) ?? 0);
      seen.set(place, record.offset + 1);
    }
    got += frame.deliveries.length;
    if (got >= events) break;
  }
  expect(got).toBe(events);
  expect(seen.size).toBe(4_000);
  expect(reads.mock.calls.length).toBeLessThanOrEqual(4_000);
  // Each has a cursor over all partitions in it.
  expect(frames).toBeLessThan(1_000);
  // Each read of the log has one, for the case that it takes long.
  expect(timers.mock.calls.length - reads.mock.calls.length).toBeLessThan(1_500);
});

test('a live stream over 4,000 partitions gets what comes, in order, and rests when nothing does', async () => {
  await using bus = await openBus();
  for (let t = 0; t < 4; t++) {
    await bus.topics.create({ name: `w${t}`, settings: { schemaless: true, partitions: 1_000 }, adopt: false });
  }
  const call = new AbortController();
  onTestFinished(() => call.abort());
  const command = { pattern: 'w*', from: { at: 'latest' }, heartbeatMs: 1_000 } as const;
  const stream = bus.subscriptions.subscribe(command, call.signal)[Symbol.asyncIterator]();
  const next = async () => {
    const { value: frame } = await stream.next();
    return frame;
  };
  expect((await next())?.kind).toBe('ready');
  const places = Array.from({ length: 300 }, (_, i) => [`w${i % 4}`, (i * 37) % 1_000] as const);
  const appended = Promise.all(
    places.map(([topic, partition]) => bus.log.append(topic, partition, [{ key: null, value, headers: [] }])),
  );
  const got = new Set<string>();
  while (got.size < places.length) {
    const frame = await next();
    if (frame?.kind !== 'events') continue;
    for (const { partition } of frame.deliveries) got.add(`${frame.topic}/${partition}`);
  }
  await appended;
  expect([...got].sort()).toEqual(places.map(([topic, partition]) => `${topic}/${partition}`).sort());
  const timers = vi.spyOn(globalThis, 'setTimeout');
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  expect((await next())?.kind).toBe('heartbeat');
  expect((await next())?.kind).toBe('heartbeat');
  expect(timers.mock.calls.length).toBeLessThan(50);
});
