import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readHeaders } from '../../src/core/event-headers.js';
import type { AppendRecord, LogRecord } from '../../src/core/model.js';
import { parkedTopicOf, redriveTopicOf } from '../../src/core/parking/names.js';
import { openStream, type TestStream } from '../support/frames.js';
import { openBus, type TestBus } from '../support/open-bus.js';
import { reasonOf } from '../support/reasons.js';

const never = new AbortController().signal;
setMaxListeners(0, never);
const subscriber = 'mart-a';
const parkedTopic = parkedTopicOf(subscriber);
const redriveTopic = redriveTopicOf(subscriber);

const record = (value: string | null, more: Partial<AppendRecord> = {}): AppendRecord => ({
  key: null,
  value: value === null ? null : Buffer.from(value),
  headers: [],
  ...more,
});

async function create(bus: TestBus, settings = {}): Promise<void> {
  await bus.topics.create({ name: 't', settings: { schemaless: true, ...settings }, adopt: false });
}

/** A stream that owns the partitions of `t`, and what a consumer does with it. */
async function own(bus: TestBus): Promise<{ stream: TestStream; generation: number }> {
  const stream = openStream(bus.subscriptions, { topic: 't', subscriber });
  let { generation } = (await stream.expect('ready')).assignment;
  while (generation === undefined) ({ generation } = (await stream.expect('assignment')).assignment);
  return { stream, generation };
}

const park = (bus: TestBus, offset: number, generation: number, reason = 'cannot handle it') =>
  bus.subscribers.park({ subscriber, topic: 't', partition: 0, offset, reason, attempts: 3, generation }, never);
const at = (offset: number, topic = 't') => ({ topic, partition: 0, offset });
const parkedOffsets = async (bus: TestBus) =>
  (await bus.subscribers.listParked(subscriber, 1_000, undefined)).records.map(({ position }) => position.offset);

async function readAll(bus: TestBus, topic: string): Promise<readonly LogRecord[]> {
  const { earliest } = await bus.log.bounds(topic, 0);
  const result = await bus.log.read(topic, 0, earliest, 64 * 1024 * 1024);
  return result.outcome === 'ok' ? result.records : [];
}

test('a parked record is kept as it was, listed, and committed past', async () => {
  await using bus = await openBus();
  await create(bus);
  const headers = [['x-trace', Buffer.from([0, 255])]] as const;
  await bus.log.append('t', 0, [record('{"n":1}'), record('{"n":2.0}', { key: Buffer.from('k'), headers })]);
  const { stream, generation } = await own(bus);
  await stream.records(2);
  expect(await park(bus, 1, generation, 'ünlesbar')).toEqual({ topic: 't', partition: 0, nextOffset: 2 });

  const { records, total } = await bus.subscribers.listParked(subscriber, 10, undefined);
  expect(total).toBe(1);
  expect(records).toMatchObject([{ position: at(1), reason: 'ünlesbar', attempts: 3, payloadBytes: 9 }]);
  const { delivery, parked } = await bus.subscribers.getParked(subscriber, at(1));
  const [, stored] = await readAll(bus, 't');
  expect(delivery).toMatchObject({ partition: 0, kind: 'json', record: { offset: 1, timestamp: stored?.timestamp } });
  expect(delivery.record.headers).toEqual(headers);
  expect(delivery.record.key).toEqual(Buffer.from('k'));
  expect(Buffer.from(delivery.record.value ?? []).toString()).toBe('{"n":2.0}');
  expect(parked.parkedAt).toBeGreaterThanOrEqual(stored?.timestamp ?? Number.NaN);
  expect(await bus.subscribers.get(subscriber)).toMatchObject({ parked: 1, positions: [{ next: 2, lag: 0 }] });
  stream.close();
});

test('a crash between append and commit parks twice, and counts once', async () => {
  await using bus = await openBus();
  await create(bus);
  await bus.log.append('t', 0, [record('1'), record('2')]);
  const { stream, generation } = await own(bus);
  bus.coordination.failsAt = ({ path }) => path.includes('offsets');
  expect(await reasonOf(park(bus, 0, generation))).toBe('COORDINATION_UNAVAILABLE');
  bus.coordination.failsAt = undefined;
  expect(await bus.subscribers.get(subscriber)).toMatchObject({ parked: 1, positions: [{ next: 0 }] });
  expect(await park(bus, 0, generation)).toMatchObject({ nextOffset: 1 });
  expect(await readAll(bus, parkedTopic)).toHaveLength(2);
  expect(await parkedOffsets(bus)).toEqual([0]);
  expect(await bus.subscribers.redrive(subscriber, 'all')).toBe(1);
  expect(await readAll(bus, redriveTopic)).toHaveLength(1);
  expect(await parkedOffsets(bus)).toEqual([]);
  stream.close();
});

test('what cannot be parked changes nothing', async () => {
  await using bus = await openBus();
  await create(bus);
  await bus.log.append('t', 0, [record('1'), record('2'), record('3')]);
  expect(await reasonOf(park(bus, 0, 1))).toBe('SUBSCRIBER_NOT_FOUND');
  const { stream, generation } = await own(bus);
  await bus.log.truncateBefore('t', 0, 2);
  expect(await reasonOf(park(bus, 0, generation))).toBe('RECORD_NOT_FOUND');
  expect(await reasonOf(park(bus, 3, generation))).toBe('CURSOR_AHEAD');
  expect(await reasonOf(park(bus, 99, generation))).toBe('CURSOR_AHEAD');
  expect(await reasonOf(park(bus, -1, generation))).toBe('INVALID_REQUEST');
  expect(await reasonOf(park(bus, 2, generation + 1))).toBe('FENCED');
  expect(await reasonOf(park(bus, 2, generation, 'ä'.repeat(2049)))).toBe('INVALID_REQUEST');
  const command = { subscriber, topic: 't', partition: 7, offset: 2, reason: '', attempts: 0, generation };
  expect(await reasonOf(bus.subscribers.park(command, never))).toBe('INVALID_REQUEST');
  expect(await reasonOf(bus.subscribers.park({ ...command, topic: 'none' }, never))).toBe('TOPIC_NOT_FOUND');
  expect(await reasonOf(bus.subscribers.park({ ...command, subscriber: '\n' }, never))).toBe('SUBSCRIBER_NAME_INVALID');
  expect(await bus.subscribers.get(subscriber)).toMatchObject({ parked: 0, positions: [{ next: 0 }] });
  expect(await bus.log.listTopics()).not.toContain(parkedTopic);
  const { subscribers } = bus;
  for (const call of [
    () => subscribers.getParked(subscriber, at(1)),
    () => subscribers.redrive(subscriber, [at(1)]),
    () => subscribers.discard(subscriber, [at(1)]),
    () => subscribers.listParked(subscriber, 10, at(1)),
  ])
    expect(await reasonOf(call())).toBe('PARKED_RECORD_NOT_FOUND');
  for (const call of [
    () => subscribers.listParked('nobody', 10, undefined),
    () => subscribers.redrive('nobody', 'all'),
    () => subscribers.discard('nobody', 'all'),
  ])
    expect(await reasonOf(call())).toBe('SUBSCRIBER_NOT_FOUND');
  expect(await reasonOf(bus.subscribers.listParked(subscriber, 0, undefined))).toBe('INVALID_REQUEST');
  expect(await reasonOf(bus.subscribers.listParked(subscriber, 1_001, undefined))).toBe('INVALID_REQUEST');
  expect(await reasonOf(bus.subscribers.discard(subscriber, []))).toBe('INVALID_REQUEST');
  expect(await reasonOf(bus.subscribers.redrive(subscriber, Array(1_001).fill(at(1))))).toBe('INVALID_REQUEST');
  stream.close();
});

test('anything can be parked, byte for byte: tombstones, foreign bytes, and the largest record with the longest reason', async () => {
  await using bus = await openBus();
  await create(bus, { maxEventBytes: 8 * 1024 * 1024 });
  const largest = record(null, {
    value: randomBytes(8 * 1024 * 1024),
    key: randomBytes(64 * 1024),
    headers: [
      ...Array.from({ length: 64 }, (_, i) => [`x-header-${i}`, randomBytes(500)] as const),
      ...Array.from({ length: 64 }, (_, i) => [`ce_attribute${i}`, randomBytes(500)] as const),
      ...['id', 'source', 'type', 'subject', 'time'].map((name) => [`ce_${name}`, Buffer.alloc(1024, 65)] as const),
    ],
  });
  const records = [record(null), record('\ufeff not JSON'), record('', { headers: [['', Buffer.alloc(0)]] })];
  await bus.log.append('t', 0, records);
  await bus.log.append('t', 0, [largest]);
  const { stream, generation } = await own(bus);
  for (let offset = 0; offset < 4; offset++) await park(bus, offset, generation, '\u0001'.repeat(4096));
  for (const [offset, original] of [...records, largest].entries()) {
    const { delivery, parked } = await bus.subscribers.getParked(subscriber, at(offset));
    const { key, value, headers } = delivery.record;
    expect(Buffer.compare(value ?? Buffer.from('null'), original.value ?? Buffer.from('null'))).toBe(0);
    expect(value === null).toBe(original.value === null);
    expect(key).toEqual(original.key);
    expect(headers.map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')])).toEqual(
      original.headers.map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')]),
    );
    expect(parked.reason).toBe('\u0001'.repeat(4096));
  }
  expect((await bus.subscribers.getParked(subscriber, at(0))).delivery.kind).toBe('tombstone');
  expect((await bus.subscribers.getParked(subscriber, at(1))).delivery.kind).toBe('not_json');
  expect(await bus.subscribers.redrive(subscriber, 'all')).toBe(4);
  const again = await readAll(bus, redriveTopic);
  expect(again.map(({ value }) => value?.length)).toEqual([undefined, 12, 0, 8 * 1024 * 1024]);
  stream.close();
});

test('a redriven record says where it came from; parked again it keeps that place', async () => {
  await using bus = await openBus();
  await create(bus);
  await bus.log.append('t', 0, [record('1'), record('2'), record('3')]);
  const { stream, generation } = await own(bus);
  for (const offset of [0, 1, 2]) await park(bus, offset, generation);
  expect(await bus.subscribers.redrive(subscriber, [at(1)])).toBe(1);
  const [again] = await readAll(bus, redriveTopic);
  expect(readHeaders(again?.headers ?? []).redriven).toMatchObject({
    ...at(1),
    reason: 'cannot handle it',
    attempts: 3,
  });
  expect(await parkedOffsets(bus)).toEqual([0, 2]);
  expect(await reasonOf(bus.subscribers.redrive(subscriber, [at(0), at(1)]))).toBe('PARKED_RECORD_NOT_FOUND');
  expect(await parkedOffsets(bus)).toEqual([0, 2]);
  stream.close();

  const second = openStream(bus.subscriptions, { topic: redriveTopic, subscriber });
  let ready = (await second.expect('ready')).assignment;
  while (ready.generation === undefined) ready = (await second.expect('assignment')).assignment;
  const place = { subscriber, topic: redriveTopic, partition: 0, offset: 0, generation: ready.generation };
  await bus.subscribers.park({ ...place, reason: 'still not', attempts: 4 }, never);
  expect(await parkedOffsets(bus)).toEqual([0, 2, 1]);
  const { delivery, parked } = await bus.subscribers.getParked(subscriber, at(1));
  expect(parked).toMatchObject({ position: at(1), reason: 'still not', attempts: 4 });
  expect(readHeaders(delivery.record.headers)).not.toHaveProperty('redriven');
  second.close();
});

test('a resolution counts only for what was parked before it', async () => {
  await using bus = await openBus();
  await create(bus);
  await bus.log.append('t', 0, [record('1')]);
  const { stream, generation } = await own(bus);
  await park(bus, 0, generation);
  // Between the append to the redrive topic and the resolution the record is parked once more.
  let parking: Promise<unknown> | undefined;
  let appends = 0;
  bus.log.before = async () => {
    if (++appends !== 2) return;
    bus.log.before = undefined;
    const [first] = await readAll(bus, parkedTopic);
    parking = bus.log.append(parkedTopic, 0, [first ?? record('')]);
    await parking;
  };
  expect(await bus.subscribers.redrive(subscriber, 'all')).toBe(1);
  expect(appends).toBe(2);
  expect(await parkedOffsets(bus)).toEqual([0]);
  expect(await bus.subscribers.discard(subscriber, [at(0)])).toBe(1);
  expect(await parkedOffsets(bus)).toEqual([]);
  stream.close();
});

test('pages go on after a position; what is resolved leaves the topic, from its beginning', async () => {
  await using bus = await openBus();
  await create(bus);
  await bus.log.append(
    't',
    0,
    Array.from({ length: 250 }, (_, i) => record(String(i))),
  );
  const { stream, generation } = await own(bus);
  await Promise.all(Array.from({ length: 250 }, (_, offset) => park(bus, offset, generation)));
  const seen: number[] = [];
  for (let after: ReturnType<typeof at> | undefined; ; ) {
    const { records, total } = await bus.subscribers.listParked(subscriber, 100, after);
    expect(total).toBe(250);
    seen.push(...records.map(({ position }) => position.offset));
    after = records.at(-1)?.position;
    if (records.length < 100) break;
  }
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 250 }, (_, i) => i));

  const order = await parkedOffsets(bus);
  expect(
    await bus.subscribers.discard(
      subscriber,
      order.slice(10, 20).map((offset) => at(offset)),
    ),
  ).toBe(10);
  expect((await bus.log.bounds(parkedTopic, 0)).earliest).toBe(0);
  expect(
    await bus.subscribers.redrive(
      subscriber,
      order.slice(0, 10).map((offset) => at(offset)),
    ),
  ).toBe(10);
  expect((await bus.log.bounds(parkedTopic, 0)).earliest).toBe(20);
  expect(await parkedOffsets(bus)).toEqual(order.slice(20));
  expect(await bus.subscribers.discard(subscriber, 'all')).toBe(230);
  const { earliest, highWatermark } = await bus.log.bounds(parkedTopic, 0);
  expect(earliest).toBe(highWatermark);
  expect(await bus.subscribers.discard(subscriber, 'all')).toBe(0);
  stream.close();
});

test('a parked topic holds 10,000 records, and says what to do then', async () => {
  await using bus = await openBus();
  await create(bus);
  await bus.log.append('t', 0, [record('1'), record('2')]);
  const { stream, generation } = await own(bus);
  await park(bus, 0, generation);
  await bus.log.append(parkedTopic, 0, Array(9_999).fill(record('somebody else wrote this')));
  expect(await reasonOf(park(bus, 1, generation))).toBe('PARKING_FULL');
  expect(await bus.subscribers.get(subscriber)).toMatchObject({ parked: 1, positions: [{ next: 1 }] });
  expect(await bus.subscribers.discard(subscriber, [at(0)])).toBe(1);
  await park(bus, 1, generation);
  expect(await parkedOffsets(bus)).toEqual([1]);
  stream.close();
});

test('a subscriber of any name has topics of valid names, and of its own', () => {
  const odd = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }),
    fc.constantFrom('a/b', '..', '.', '__x', '🙂'.repeat(100), 'x'.repeat(200), ' ', 'é', 'a b', 'a_b', 'a/b/../c'),
  );
  fc.assert(
    fc.property(odd, odd, (a, b) => {
      for (const name of [parkedTopicOf(a), redriveTopicOf(a)])
        expect(name).toMatch(/^mainstem\.[a-zA-Z0-9._-]{1,239}$/);
      expect(parkedTopicOf(a) === parkedTopicOf(b)).toBe(a === b);
    }),
    { numRuns: 500 },
  );
});
