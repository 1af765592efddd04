import { Buffer } from 'node:buffer';
import { setMaxListeners } from 'node:events';
import { expect, test } from 'vitest';
import { decodeCursor } from '../../src/core/cursor.js';
import type { SubscribeCommand } from '../../src/core/subscribe/frames.js';
import { openBus, type TestBus } from '../support/open-bus.js';

const never = new AbortController().signal;
setMaxListeners(0, never);

interface Input {
  readonly payload: string;
  readonly key?: string;
  readonly type?: string;
}

async function publish(bus: TestBus, inputs: readonly Input[], topic = 't'): Promise<void> {
  const events = inputs.map(({ payload, key, type }) => ({
    payload: Buffer.from(payload),
    key: Buffer.from(key ?? 'k'),
    ...(type !== undefined && { id: 'i', source: 's', type }),
  }));
  await bus.publisher.publish({ topic, mode: 'all_or_nothing', events }, never);
}

const ages = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i): Input => ({ payload: `{"age":${from + i}}`, key: `k${from + i}` }));

async function busWith(inputs: readonly Input[], partitions = 1): Promise<TestBus> {
  const bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true, partitions }, adopt: false });
  if (inputs.length > 0) await publish(bus, inputs);
  return bus;
}

/** All that a bounded stream sends, and its end. */
async function all(bus: TestBus, command: Partial<SubscribeCommand>) {
  const texts: string[] = [];
  const frames = bus.subscriptions.subscribe(
    { topic: 't', from: { at: 'earliest' }, follow: false, ...command },
    never,
  );
  for await (const frame of frames) {
    if (frame.kind === 'events') texts.push(...frame.deliveries.map(({ record }) => String(record.value)));
    if (frame.kind === 'end') return { texts, end: frame, next: positionOf(frame.cursor) };
  }
  throw new Error('the stream ended without an end');
}

const positionOf = (cursor: string) => decodeCursor(cursor)[0]?.positions.map(([, next]) => next);
const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error) => error.reason,
  );

test('a filter sends what matches, and the cursor passes over the rest', async () => {
  await using bus = await busWith(ages(0, 100));
  const { texts, end, next } = await all(bus, { filter: "payload.age >= 97 || key == 'k3'" });
  expect(texts).toEqual(['{"age":3}', '{"age":97}', '{"age":98}', '{"age":99}']);
  expect(end).toMatchObject({ reason: 'caught_up', message: undefined });
  expect(next).toEqual([100]);
  expect(await all(bus, { filter: 'payload.age > 1000' })).toMatchObject({ texts: [], next: [100] });
});

test('every part of a record has a name in the filter', async () => {
  await using bus = await busWith([
    { payload: '{"n":1}', key: 'a', type: 'made' },
    { payload: '[1,2.5]', key: 'b' },
  ]);
  const matching = async (filter: string) => (await all(bus, { filter })).texts;
  for (const filter of [
    "type == 'made'",
    "id == 'i' && source == 's' && subject == ''",
    "offset == 0 && partition == 0 && topic == 't'",
    "time > timestamp('2020-01-01T00:00:00Z') && payload.n == 1",
    'has(payload.n) && payload.n + 1 == 2.0 && payload.n % 2 == 1',
  ]) {
    expect(await matching(filter)).toEqual(['{"n":1}']);
  }
  expect(await matching('type(payload) == list && payload.exists(n, n > 2 && n < 3)')).toEqual(['[1,2.5]']);
  expect(await matching("key.matches('^[bc]$')")).toEqual(['[1,2.5]']);
});

test('limit counts what is sent, and the cursor stands right behind it', async () => {
  await using bus = await busWith(ages(0, 100));
  const { texts, end, next } = await all(bus, { filter: 'payload.age % 10 == 0', limit: 3, follow: true });
  expect(texts).toEqual(['{"age":0}', '{"age":10}', '{"age":20}']);
  expect(end.reason).toBe('limit');
  expect(next).toEqual([21]);
});

test('a live stream gets what matches as it comes, and heartbeats show how far it is', async () => {
  await using bus = await busWith([]);
  const call = new AbortController();
  const command = { topic: 't', filter: 'payload.age == 7', heartbeatMs: 1_000 };
  const got: string[] = [];
  for await (const frame of bus.subscriptions.subscribe(command, call.signal)) {
    if (frame.kind === 'ready') await publish(bus, ages(0, 10));
    if (frame.kind === 'events') got.push(...frame.deliveries.map(({ record }) => String(record.value)));
    if (frame.kind === 'heartbeat' && positionOf(frame.cursor)?.[0] === 10) break;
  }
  expect(got).toEqual(['{"age":7}']);
  call.abort();
});

test('fields prune payloads, and other streams get the same records whole', async () => {
  const json = '{"id":12345678901234567890, "big":{"x":1.0,"y":2},"rest":"…"}';
  await using bus = await busWith([{ payload: json }]);
  expect((await all(bus, { fields: ['/id', '/big/x'] })).texts).toEqual([
    '{"id":12345678901234567890,"big":{"x":1.0}}',
  ]);
  expect((await all(bus, {})).texts).toEqual([json]);
  expect((await all(bus, { fields: ['/rest'], filter: 'payload.big.y == 2' })).texts).toEqual(['{"rest":"…"}']);
});

test('what is not JSON, and tombstones, pass fields unchanged, and can be told in a filter', async () => {
  await using bus = await busWith([]);
  const raw = (value: Uint8Array | null) => ({ key: null, value, headers: [] });
  await bus.log.append('t', 0, [raw(Buffer.from('no json')), raw(null), raw(Buffer.from('{"a":1,"b":2}'))]);
  expect((await all(bus, { fields: ['/a'] })).texts).toEqual(['no json', 'null', '{"a":1}']);
  expect((await all(bus, { filter: 'payload == null' })).texts).toEqual(['null']);
  expect((await all(bus, { filter: "type(payload) == bytes && payload == b'no json'" })).texts).toEqual(['no json']);
});

test('a sample is the same for everybody, and a larger one holds a smaller one', async () => {
  await using bus = await busWith(ages(0, 5_000), 3);
  const [half, tenth, again] = await Promise.all([0.5, 0.1, 0.1].map((sample) => all(bus, { sample })));
  expect(tenth?.texts.length).toBeGreaterThan(350);
  expect(tenth?.texts.length).toBeLessThan(650);
  expect(again?.texts.toSorted()).toEqual(tenth?.texts.toSorted());
  expect(new Set(half?.texts)).toEqual(new Set([...(half?.texts ?? []), ...(tenth?.texts ?? [])]));
  expect(tenth?.next?.reduce((sum, next) => sum + next)).toBe(5_000);
});

test('a filter that gives no answer is told in the heartbeats of a live stream', async () => {
  await using bus = await busWith(ages(0, 3));
  const call = new AbortController();
  const command = { topic: 't', from: { at: 'earliest' }, filter: 'payload.agee > 1', heartbeatMs: 1_000 } as const;
  for await (const frame of bus.subscriptions.subscribe(command, call.signal)) {
    if (frame.kind !== 'heartbeat' || positionOf(frame.cursor)?.[0] !== 3) continue;
    expect(frame.filterErrors).toEqual({
      failed: 3,
      firstError: expect.stringMatching(/^t\/0@0: .*agee.*character 8/),
    });
    break;
  }
  call.abort();
});

test('a filter that gives no answer is told at the end', async () => {
  await using bus = await busWith(ages(0, 3));
  const { texts, end } = await all(bus, { filter: 'payload.agee > 1' });
  expect(texts).toEqual([]);
  expect(end.message).toMatch(/all 3 records.*t\/0@0.*agee.*character 8.*has\(/);
  const some = await all(bus, { filter: 'payload.age == 1 ? payload.none == 1 : payload.age == 2' });
  expect(some.texts).toEqual(['{"age":2}']);
  expect(some.end.message).toMatch(/1 of 3 records/);
  expect((await all(bus, { filter: 'payload.age' })).end.message).toMatch(/neither true nor false/);
});

test('what is wrong is refused before the stream begins', async () => {
  await using bus = await busWith([]);
  for (const [command, reason] of [
    [{ filter: 'payload.age >' }, 'FILTER_INVALID'],
    [{ filter: 'x'.repeat(5_000) }, 'FILTER_INVALID'],
    [{ fields: ['a'] }, 'INVALID_REQUEST'],
    [{ sample: 0 }, 'INVALID_REQUEST'],
    [{ sample: 1.5 }, 'INVALID_REQUEST'],
    [{ sample: Number.NaN }, 'INVALID_REQUEST'],
    [{ until: { at: 'cursor', cursor: 'nonsense' } }, 'CURSOR_MALFORMED'],
  ] as const) {
    expect(await reasonOf(all(bus, command))).toBe(reason);
  }
});

test('a filter that takes too much on a record ends the stream before it, and other streams go on', async () => {
  const items = JSON.stringify({ items: Array.from({ length: 2_000 }, (_, i) => i) });
  await using bus = await busWith([{ payload: '{"items":[]}' }, { payload: items }, { payload: '{"items":[1]}' }]);
  const hostile = 'payload.items.all(a, payload.items.all(b, payload.items.exists(c, a + b + c > -1)))';
  const { texts, end, next } = await all(bus, { filter: hostile });
  expect(texts).toEqual(['{"items":[]}']);
  expect(end.reason).toBe('filter_too_costly');
  expect(end.message).toMatch(/t\/0@1.*steps.*go on at the cursor/);
  expect(next).toEqual([1]);
  expect((await all(bus, {})).texts).toHaveLength(3);
  // Also where nothing is sent before: no heartbeat has to come first.
  for (const more of [{}, { subscriber: 's', commitMode: 'before_delivery' }] as const) {
    const alone = await all(bus, { filter: `size(payload.items) > 1 && ${hostile}`, heartbeatMs: 60_000, ...more });
    expect([alone.texts, alone.end.reason, alone.next]).toEqual([[], 'filter_too_costly', [1]]);
  }
});

test('a subscriber for whom the server commits passes over what does not match', async () => {
  await using bus = await busWith(ages(0, 50), 2);
  for (const commitMode of ['on_delivery', 'before_delivery'] as const) {
    const subscriber = `s-${commitMode}`;
    const { texts } = await all(bus, { subscriber, commitMode, filter: 'payload.age == 20' });
    expect(texts).toEqual(['{"age":20}']);
    const { positions } = await bus.subscribers.get(subscriber);
    expect(positions).toHaveLength(2);
    expect(positions.map(({ lag }) => lag)).toEqual([0, 0]);
  }
});
