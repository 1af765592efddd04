import { Buffer } from 'node:buffer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cursor, encodeCursor } from '../../src/core/cursor.js';
import { peakGrowth } from '../support/process-memory.js';
import { until } from '../support/wait.js';
import { drain, type HostileBus, refusal, startBus } from './bus.js';

let bus: HostileBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.dispose());

const read = (cursor: string, topic = 'events') => drain(bus.client.frames({ topic, from: { cursor }, follow: false }));

async function cursorOf(topic: string, positions: Cursor[number]['positions'], incarnation?: string): Promise<string> {
  const { topic: found } = await bus.client.topics.get(topic);
  return encodeCursor([{ topic, incarnation: incarnation ?? found?.incarnation ?? '', positions }]);
}

test('a damaged cursor is told from a whole one, whichever bit is wrong', async () => {
  await bus.client.publish({ topic: 'events', events: [{ payload: '1' }, { payload: '2' }] });
  const good = await cursorOf('events', [[0, 1]]);
  expect((await read(good)).some((frame) => frame.case === 'events' && frame.value.records.length === 1)).toBe(true);
  const bytes = Buffer.from(good, 'base64url');
  const flipped = Array.from({ length: bytes.length * 8 }, (_, bit) => {
    const copy = Buffer.from(bytes);
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return copy.toString('base64url');
  });
  const cut = Array.from({ length: good.length - 1 }, (_, length) => good.slice(0, length + 1));
  const others = [
    '',
    ' ',
    '/',
    '../..',
    'null',
    '0',
    `${good}=`,
    `${good}A`,
    `${good}${good}`,
    'x'.repeat(70_000),
    'é',
    '\u0000',
  ];
  for (const cursor of [...flipped, ...cut, ...others]) {
    const error = await refusal(read(cursor));
    expect(error, cursor.slice(0, 50)).toMatchObject({ code: 'invalid_argument', reason: 'CURSOR_MALFORMED' });
    expect(error.message.length).toBeLessThan(300);
  }
});

test('a well-formed cursor that promises more than it has, or too much, is refused without cost', async () => {
  // Whole numbers and checksum as they should be, and nonsense inside: what a client of another version, or a forger, might send.
  const topics = Array.from({ length: 2_000 }, (_, i) => ({ topic: `t${i}`, incarnation: 'i', positions: [] }));
  const positions = Array.from({ length: 10_000 }, (_, i) => [i, 0] as const);
  for (const cursor of [
    encodeCursor([]),
    encodeCursor(topics),
    await cursorOf('events', [[0, Number.MAX_SAFE_INTEGER]], 'another'),
  ]) {
    expect(await refusal(read(cursor))).toMatchObject({
      reason: expect.stringMatching(/^CURSOR_(WRONG_TOPIC|STALE_TOPIC|MALFORMED)$/),
    });
  }
  const many = await cursorOf('events', positions);
  const answers = () =>
    read(many).then(
      () => 'read',
      (error: unknown) => refusal(Promise.reject(error)).then(({ reason }) => reason),
    );
  const first = await answers();
  expect(['read', 'CURSOR_MALFORMED', 'CURSOR_AHEAD', 'INVALID_REQUEST']).toContain(first);
  expect(
    await peakGrowth(bus.server.pid, async () => {
      for (let i = 0; i < 200; i++) await answers();
    }),
  ).toBeLessThan(200);
});

test('of another topic, of a topic that is gone, and beyond the end: three different answers', async () => {
  await bus.client.topics.create({ topic: 'short-lived', settings: { schemaless: true } });
  const stale = await cursorOf('short-lived', [[0, 0]]);
  expect(await refusal(read(stale))).toMatchObject({ code: 'invalid_argument', reason: 'CURSOR_WRONG_TOPIC' });
  await bus.client.topics.delete('short-lived');
  expect(await refusal(read(stale, 'short-lived'))).toMatchObject({ reason: 'TOPIC_NOT_FOUND' });
  await bus.client.topics.create({ topic: 'short-lived', settings: { schemaless: true } });
  expect(await refusal(read(stale, 'short-lived'))).toMatchObject({
    code: 'failed_precondition',
    reason: 'CURSOR_STALE_TOPIC',
  });
  const beyond = [1_000, Number.MAX_SAFE_INTEGER].map(async (offset) =>
    refusal(read(await cursorOf('events', [[0, offset]]))),
  );
  for (const error of await Promise.all(beyond)) {
    expect(error).toMatchObject({ code: 'out_of_range', reason: 'CURSOR_AHEAD' });
  }
});

test('expired: the error says what is left and where to go on; with skip a gap does', async () => {
  const topic = 'expiring';
  const settings = { schemaless: true, retentionBytes: 4_096n };
  await bus.client.topics.create({ topic, settings });
  const payload = JSON.stringify('x'.repeat(2_000));
  for (let i = 0; i < 10; i++) await bus.client.publish({ topic, events: [{ payload }] });
  const first = await until(async () => (await bus.client.topics.get(topic)).partitions[0]?.earliestOffset, {
    what: 'retention',
    timeoutMs: 90_000,
    everyMs: 250,
  });
  const cursor = await cursorOf(topic, [[0, 0]]);
  const error = await refusal(read(cursor, topic));
  expect(error).toMatchObject({ code: 'out_of_range', reason: 'CURSOR_EXPIRED' });
  expect(error.expired?.partitions).toMatchObject([{ topic, partition: 0, askedOffset: 0n, firstOffset: first }]);
  const rest = await read(error.expired?.cursor ?? '', topic);
  expect(rest.some((frame) => frame.case === 'events')).toBe(true);
  const skipped = await drain(bus.client.frames({ topic, from: { cursor }, onExpired: 'skip', follow: false }));
  expect(skipped.find((frame) => frame.case === 'gap')?.value).toMatchObject({
    partition: 0,
    fromOffset: 0n,
    toOffset: first,
  });
});

test('commits: what a subscriber does not own, has not got or cannot read moves nothing', async () => {
  const { client } = bus;
  const subscriber = 'committer';
  const call = new AbortController();
  const stream = client.frames({ topic: 'events', subscriber }, { signal: call.signal })[Symbol.asyncIterator]();
  const { value: ready } = await stream.next();
  const generation = ready?.case === 'ready' ? (ready.value.assignment?.generation ?? 0n) : 0n;
  const good = await cursorOf('events', [[0, 1]]);
  const commit = (cursor: string, number: bigint, name = subscriber) =>
    refusal(client.commit({ subscriber: name, cursor, generation: number }));
  expect(await commit('garbage', generation)).toMatchObject({ reason: 'CURSOR_MALFORMED' });
  expect(await commit(good, generation + 1n)).toMatchObject({
    reason: expect.stringMatching(/FENCED|INVALID_REQUEST/),
  });
  expect(await commit(good, 2n ** 63n - 1n)).toMatchObject({
    code: expect.stringMatching(/failed_precondition|invalid_argument/),
  });
  expect(await commit(good, -1n)).toMatchObject({
    code: expect.stringMatching(/failed_precondition|invalid_argument/),
  });
  expect(await commit(good, generation, 'nobody')).toMatchObject({ reason: 'SUBSCRIBER_NOT_FOUND' });
  expect(await commit(await cursorOf('events', [[0, 1]], 'another'), generation)).toMatchObject({
    reason: 'CURSOR_STALE_TOPIC',
  });
  expect(await client.commit({ subscriber, cursor: good, generation })).toMatchObject([{ nextOffset: 1n }]);
  call.abort();
  await bus.check();
});
