import { Buffer } from 'node:buffer';
import { setMaxListeners } from 'node:events';
import { expect, test } from 'vitest';
import { decodeCursor, encodeCursor } from '../../src/core/cursor.js';
import { BusError } from '../../src/core/errors.js';
import { allowAll } from '../../src/core/ports/authorizer.js';
import { createSubscriptions } from '../../src/core/subscribe/subscriptions.js';
import { fastClock, withoutTimers } from '../support/clocks.js';
import { openStream } from '../support/frames.js';
import { openBus, type TestBus } from '../support/open-bus.js';

const never = new AbortController().signal;
setMaxListeners(0, never);

async function publish(bus: TestBus, values: unknown[], topic = 't'): Promise<void> {
  const events = values.map((value) => ({
    payload: Buffer.from(JSON.stringify(value)),
    key: Buffer.from(String(value)),
  }));
  await bus.publisher.publish({ topic, mode: 'all_or_nothing', events }, never);
}

const topic = (bus: TestBus, settings = {}, name = 't') =>
  bus.topics.create({ name, settings: { schemaless: true, ...settings }, adopt: false });

const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from);
const texts = (records: { text: string }[]) => records.map(({ text }) => Number(text)).sort((a, b) => a - b);

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof BusError ? error.reason : `no BusError but ${String(error)}`;
}

test('delivers what was there and what comes, each once, in order within its partition', async () => {
  await using bus = await openBus();
  await topic(bus, { partitions: 3 });
  await publish(bus, upTo(100));
  const stream = openStream(bus.subscriptions, { topic: 't', from: { at: 'earliest' } });
  expect(await stream.expect('ready')).toMatchObject({ assignment: { partitions: [0, 1, 2], generation: undefined } });
  const early = await stream.records(100);
  await publish(bus, upTo(100, 100));
  const all = [...early, ...(await stream.records(100))];
  expect(texts(all)).toEqual(upTo(200));
  for (const partition of [0, 1, 2]) {
    const offsets = all.filter((record) => record.partition === partition).map(({ offset }) => offset);
    expect(offsets).toEqual(upTo(offsets.length));
  }
  stream.close();
});

test('by default a stream starts at the end, and hears of what is stored from then on', async () => {
  await using bus = await openBus();
  await topic(bus);
  await publish(bus, upTo(10));
  const stream = openStream(bus.subscriptions, { topic: 't' });
  await stream.expect('ready');
  await publish(bus, [10]);
  expect(texts(await stream.records(1))).toEqual([10]);
  stream.close();
});

test('any cursor of any frame resumes exactly after that frame', async () => {
  await using bus = await openBus();
  await topic(bus, { partitions: 3 });
  await publish(bus, upTo(30));
  const stream = openStream(bus.subscriptions, { topic: 't', from: { at: 'earliest' }, limit: 7 });
  const { cursor: start } = await stream.expect('ready');
  const first = await stream.records(7);
  const { cursor: end, reason } = await stream.expect('end');
  expect(reason).toBe('limit');
  const rest = openStream(bus.subscriptions, { topic: 't', from: { at: 'cursor', cursor: end }, follow: false });
  expect(texts([...first, ...(await rest.records(23))])).toEqual(upTo(30));
  const again = openStream(bus.subscriptions, { topic: 't', from: { at: 'cursor', cursor: start }, follow: false });
  expect(texts(await again.records(30))).toEqual(upTo(30));
  for (const each of [rest, again]) each.close();
});

test('starts at a time: the first record that is not older', async () => {
  await using bus = await openBus();
  await topic(bus);
  await publish(bus, [1]);
  const read = await bus.log.read('t', 0, 0, 1000);
  const stored = read.outcome === 'ok' ? (read.records[0]?.timestamp ?? 0) : 0;
  while (Date.now() <= stored) await new Promise((resolve) => setImmediate(resolve));
  await publish(bus, [2]);
  const after = openStream(bus.subscriptions, {
    topic: 't',
    from: { at: 'time', timestamp: stored + 1 },
    follow: false,
  });
  expect(texts(await after.records(1))).toEqual([2]);
  const from = openStream(bus.subscriptions, { topic: 't', from: { at: 'time', timestamp: stored }, follow: false });
  expect(texts(await from.records(2))).toEqual([1, 2]);
});

test('without following, ends when everything that was there has been sent; an empty topic at once', async () => {
  await using bus = await openBus();
  await topic(bus, { partitions: 2 });
  const empty = openStream(bus.subscriptions, { topic: 't', from: { at: 'earliest' }, follow: false });
  await empty.expect('ready');
  expect(await empty.expect('end')).toMatchObject({ reason: 'caught_up' });
  await publish(bus, upTo(5));
  const stream = openStream(bus.subscriptions, { topic: 't', from: { at: 'earliest' }, follow: false });
  expect(texts(await stream.records(5))).toEqual(upTo(5));
  expect(await stream.expect('end')).toMatchObject({ reason: 'caught_up' });
});

test('a reader far behind gets everything, though memory holds only the newest', async () => {
  await using bus = await openBus();
  await topic(bus);
  const live = openStream(bus.subscriptions, { topic: 't', from: { at: 'latest' } });
  await live.expect('ready');
  const filler = 'x'.repeat(10_000);
  for (let batch = 0; batch < 10; batch++) {
    const events = upTo(100, batch * 100).map((n) => ({ payload: Buffer.from(JSON.stringify({ n, filler })) }));
    await bus.publisher.publish({ topic: 't', mode: 'all_or_nothing', events }, never);
  }
  const behind = openStream(bus.subscriptions, { topic: 't', from: { at: 'earliest' } });
  for (const stream of [behind, live]) {
    const got = await stream.records(1000);
    expect(got.map(({ offset }) => offset)).toEqual(upTo(1000));
    expect(stream.others.filter(({ kind }) => kind === 'gap')).toEqual([]);
    stream.close();
  }
});

test('a reader behind in many partitions has them one after the other, and waits for no timer', async () => {
  await using bus = await openBus();
  await topic(bus, { partitions: 16 });
  await publish(bus, upTo(200));
  const subscriptions = createSubscriptions({ ...bus, authorizer: allowAll, clock: withoutTimers });
  const stream = openStream(subscriptions, { topic: 't', from: { at: 'earliest' }, follow: false });
  expect(texts(await stream.records(200))).toEqual(upTo(200));
  expect(await stream.expect('end')).toMatchObject({ reason: 'caught_up' });
  await subscriptions.close();
});

test('what retention has removed: a cursor is refused with one to go on with, or skips on demand; the gap is announced', async () => {
  await using bus = await openBus();
  await topic(bus);
  await publish(bus, upTo(20));
  const before = openStream(bus.subscriptions, { topic: 't', from: { at: 'earliest' }, limit: 5 });
  await before.records(5);
  const { cursor } = await before.expect('end');
  await bus.log.truncateBefore('t', 0, 12);

  const from = { at: 'cursor', cursor } as const;
  const refused = openStream(bus.subscriptions, { topic: 't', from });
  const error = await refused.next().catch((thrown: unknown) => thrown);
  if (!(error instanceof BusError)) throw new Error('expected CURSOR_EXPIRED');
  expect(error).toMatchObject({
    reason: 'CURSOR_EXPIRED',
    expired: { partitions: [{ partition: 0, asked: 5, first: 12 }] },
  });

  const onward = openStream(bus.subscriptions, {
    topic: 't',
    from: { at: 'cursor', cursor: error.expired?.cursor ?? '' },
    follow: false,
  });
  expect(texts(await onward.records(8))).toEqual(upTo(8, 12));

  const skipping = openStream(bus.subscriptions, { topic: 't', from, onExpired: 'skip', follow: false });
  await skipping.expect('ready');
  expect(await skipping.expect('gap')).toMatchObject({ from: 5, to: 12, reason: 'retention' });
  expect(texts(await skipping.records(8))).toEqual(upTo(8, 12));
});

test('cursors that cannot be used are told apart', async () => {
  await using bus = await openBus();
  await topic(bus);
  await topic(bus, {}, 'other');
  const open = (cursor: string, name = 't') =>
    reasonOf(openStream(bus.subscriptions, { topic: name, from: { at: 'cursor', cursor } }).next());
  const { cursor } = await openStream(bus.subscriptions, { topic: 't' }).expect('ready');
  expect(await open('nonsense')).toBe('CURSOR_MALFORMED');
  expect(await open(cursor, 'other')).toBe('CURSOR_WRONG_TOPIC');
  await bus.topics.delete('t');
  await topic(bus);
  expect(await open(cursor)).toBe('CURSOR_STALE_TOPIC');
});

test('a running stream whose position the log does not reach is refused after 10 s, never waited out', async () => {
  await using bus = await openBus();
  const { incarnation } = await topic(bus);
  const cursor = encodeCursor([{ topic: 't', incarnation, positions: [[0, 1_000]] }]);
  const clock = fastClock(20);
  // Its end moves back after the stream has started.
  const log: TestBus['log'] = Object.create(bus.log, {
    bounds: { value: async () => ({ earliest: 0, highWatermark: 2_000 }) },
  });
  const subscriptions = createSubscriptions({ ...bus, log, authorizer: allowAll, clock });
  const begun = clock.now();
  const stream = openStream(subscriptions, { topic: 't', from: { at: 'cursor', cursor } });
  await stream.expect('ready');
  expect(await reasonOf(stream.next())).toBe('CURSOR_AHEAD');
  expect(clock.now() - begun).toBeGreaterThanOrEqual(10_000);
  await subscriptions.close();
});

test('a deleted topic ends its streams; a stream of the next one starts afresh', async () => {
  await using bus = await openBus();
  await topic(bus);
  await publish(bus, [1]);
  const stream = openStream(bus.subscriptions, { topic: 't', from: { at: 'earliest' } });
  await stream.records(1);
  const ended = reasonOf(stream.next());
  await bus.topics.delete('t');
  expect(await ended).toBe('TOPIC_DELETED');
  await topic(bus);
  await publish(bus, [2]);
  const next = openStream(bus.subscriptions, { topic: 't', from: { at: 'earliest' } });
  expect(texts(await next.records(1))).toEqual([2]);
  next.close();
});

test('added partitions join running streams from their beginning', async () => {
  await using bus = await openBus();
  await topic(bus);
  const stream = openStream(bus.subscriptions, { topic: 't' });
  await stream.expect('ready');
  await bus.topics.apply({ name: 't', settings: { partitions: 3 }, schemas: [] });
  expect(await stream.expect('assignment')).toMatchObject({ assignment: { partitions: [0, 1, 2] } });
  await publish(bus, upTo(50));
  const got = await stream.records(50);
  expect(texts(got)).toEqual(upTo(50));
  expect(decodeCursor(got.at(-1)?.cursor ?? '')[0]?.positions).toHaveLength(3);
  stream.close();
});

test('heartbeats come when nothing else does, with the position and the end', async () => {
  await using bus = await openBus();
  await topic(bus);
  await publish(bus, [1, 2]);
  const call = new AbortController();
  const frames = bus.subscriptions.subscribe({ topic: 't', heartbeatMs: 1_000 }, call.signal)[Symbol.asyncIterator]();
  await frames.next();
  expect((await frames.next()).value).toMatchObject({
    kind: 'heartbeat',
    partitions: [{ partition: 0, nextOffset: 2, highWatermark: 2 }],
  });
  call.abort();
});

test('draining ends streams with their cursor and a delay; a disconnected stream is over at once', async () => {
  await using bus = await openBus();
  await topic(bus);
  const stream = openStream(bus.subscriptions, { topic: 't' });
  const { cursor } = await stream.expect('ready');
  const gone = openStream(bus.subscriptions, { topic: 't' });
  await gone.expect('ready');
  const pending = reasonOf(gone.next());
  gone.close();
  expect(await pending).toBe('CANCELLED');
  const drained = bus.subscriptions.drain();
  expect(await stream.expect('end')).toMatchObject({ reason: 'shutting_down', cursor, retryDelayMs: 1000 });
  await stream.next().catch(() => undefined);
  await drained;
  expect(await reasonOf(openStream(bus.subscriptions, { topic: 't' }).next())).toBe('SHUTTING_DOWN');
});

test('partitions that came while nobody was listening are followed too', async () => {
  await using bus = await openBus();
  await topic(bus, { partitions: 2 });
  const first = openStream(bus.subscriptions, { topic: 't' });
  await first.expect('ready');
  first.close();
  await bus.topics.apply({ name: 't', settings: { partitions: 4 }, schemas: [] });
  await publish(bus, upTo(40));
  const second = openStream(bus.subscriptions, { topic: 't', from: { at: 'earliest' }, follow: false });
  expect(texts(await second.records(40))).toEqual(upTo(40));
  expect(await second.expect('end')).toMatchObject({ reason: 'caught_up' });
});

test('a call that is cancelled before its stream has begun ends at once, and leaves nothing', async () => {
  await using bus = await openBus();
  await topic(bus);
  for (const subscriber of [undefined, 'mart']) {
    const call = new AbortController();
    const frames = bus.subscriptions.subscribe({ topic: 't', subscriber }, call.signal)[Symbol.asyncIterator]();
    const first = frames.next();
    call.abort();
    expect(await reasonOf(first)).toBe('CANCELLED');
  }
  await bus.subscriptions.drain();
});

test('a stream that does not follow ends at the end it found, though partitions are added meanwhile', async () => {
  await using bus = await openBus();
  await topic(bus);
  await publish(bus, upTo(10));
  const stream = openStream(bus.subscriptions, { topic: 't', from: { at: 'earliest' }, follow: false });
  await stream.expect('ready');
  await bus.topics.apply({ name: 't', settings: { partitions: 2 }, schemas: [] });
  await publish(bus, upTo(10, 10));
  expect(texts(await stream.records(10))).toEqual(upTo(10));
  expect(await stream.expect('end')).toMatchObject({ reason: 'caught_up' });
});

test('a record larger than a stream carries is announced with its position, and the stream goes on', async () => {
  await using bus = await openBus();
  const room = { partitions: 1, retentionMs: 0, retentionBytes: 0, maxEventBytes: 10 * 1024 * 1024 };
  await bus.log.createTopic('t', room);
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: true });
  const record = (value: Uint8Array) => ({ key: null, value, headers: [] });
  await bus.log.append('t', 0, [record(Buffer.from('1'))]);
  await bus.log.append('t', 0, [record(Buffer.alloc(9 * 1024 * 1024, 0x20))]);
  await bus.log.append('t', 0, [record(Buffer.from('2'))]);
  const stream = openStream(bus.subscriptions, { topic: 't', from: { at: 'earliest' }, follow: false });
  expect(texts(await stream.records(2))).toEqual([1, 2]);
  expect(stream.others).toContainEqual(expect.objectContaining({ kind: 'gap', reason: 'too_large', from: 1, to: 2 }));
  expect(await stream.expect('end')).toMatchObject({ reason: 'caught_up' });
});
