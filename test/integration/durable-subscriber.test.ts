import { Buffer } from 'node:buffer';
import { setMaxListeners } from 'node:events';
import { expect, test } from 'vitest';
import { encodeCursor } from '../../src/core/cursor.js';
import { BusError } from '../../src/core/errors.js';
import { openStream } from '../support/frames.js';
import { openBus, type TestBus } from '../support/open-bus.js';

const never = new AbortController().signal;
setMaxListeners(0, never);

async function publish(bus: TestBus, values: unknown[]): Promise<void> {
  const events = values.map((value) => ({
    payload: Buffer.from(JSON.stringify(value)),
    key: Buffer.from(String(value)),
  }));
  await bus.publisher.publish({ topic: 't', mode: 'all_or_nothing', events }, never);
}

const create = (bus: TestBus, settings = {}) =>
  bus.topics.create({ name: 't', settings: { schemaless: true, partitions: 3, ...settings }, adopt: false });
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from);
const texts = (records: { text: string }[]) => records.map(({ text }) => Number(text)).sort((a, b) => a - b);
const mart = { topic: 't', subscriber: 'mart-a' } as const;

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof BusError ? error.reason : `no BusError but ${String(error)}`;
}

const commit = (bus: TestBus, cursor: string, generation: number | undefined) =>
  bus.subscriptions.commit({ subscriber: 'mart-a', cursor, generation: generation ?? -1 }, never);

test('a new subscriber starts at the beginning, and resumes after what it committed', async () => {
  await using bus = await openBus();
  await create(bus);
  await publish(bus, upTo(30));
  const first = openStream(bus.subscriptions, mart);
  const { assignment } = await first.expect('ready');
  expect(assignment).toMatchObject({ partitions: [0, 1, 2], generation: 1 });
  const half = await first.records(30);
  await publish(bus, upTo(10, 30));
  await commit(bus, half.at(-1)?.cursor ?? '', assignment.generation);
  const uncommitted = await first.records(10);
  first.close();

  const second = openStream(bus.subscriptions, { ...mart, from: { at: 'latest' } });
  expect((await second.expect('ready')).assignment.generation ?? 0).toBeGreaterThanOrEqual(0);
  const again = await second.records(10);
  expect(texts(again)).toEqual(texts(uncommitted));
  expect(second.others.filter(({ kind }) => kind === 'gap')).toEqual([]);
  second.close();
});

test('a subscriber that begins at the end keeps that place, though it never committed', async () => {
  await using bus = await openBus();
  await create(bus);
  await publish(bus, upTo(5));
  const first = openStream(bus.subscriptions, { ...mart, from: { at: 'latest' } });
  await first.expect('ready');
  first.close();
  await publish(bus, upTo(5, 5));
  const second = openStream(bus.subscriptions, { ...mart, from: { at: 'latest' } });
  expect(texts(await second.records(5))).toEqual(upTo(5, 5));
  second.close();
});

test('a second stream of one partition waits with nothing, takes over when the first one goes, and fences it', async () => {
  await using bus = await openBus();
  await create(bus, { partitions: 1 });
  const first = openStream(bus.subscriptions, mart);
  const { assignment } = await first.expect('ready');
  const second = openStream(bus.subscriptions, mart);
  expect(await second.expect('ready')).toMatchObject({
    cursor: '',
    assignment: { partitions: [], generation: undefined, waiting: true },
  });
  await publish(bus, upTo(9));
  const got = await first.records(9);
  const cursor = got.at(-1)?.cursor ?? '';
  first.close();
  const taken = (await second.expect('assignment')).assignment;
  expect(taken).toMatchObject({ partitions: [0], waiting: false });
  expect(taken.generation).toBeGreaterThan(assignment.generation ?? 0);
  expect(await reasonOf(commit(bus, cursor, assignment.generation))).toBe('FENCED');
  expect(texts(await second.records(9))).toEqual(upTo(9));
  await commit(bus, cursor, taken.generation);
  second.close();
});

test('commits only move forward, and only where the cursor reaches', async () => {
  await using bus = await openBus();
  const { incarnation } = await create(bus);
  await publish(bus, upTo(60));
  const stream = openStream(bus.subscriptions, mart);
  const { generation } = (await stream.expect('ready')).assignment;
  await stream.records(60);
  const at = (positions: [number, number][]) => encodeCursor([{ topic: 't', incarnation, positions }]);
  expect(await commit(bus, at([[1, 5]]), generation)).toEqual([{ topic: 't', partition: 1, nextOffset: 5 }]);
  expect(await commit(bus, at([[1, 3]]), generation)).toEqual([{ topic: 't', partition: 1, nextOffset: 5 }]);
  const many = upTo(20).map((n) => commit(bus, at([[2, Math.min(n, 4)]]), generation));
  expect((await Promise.all(many)).at(-1)).toEqual([{ topic: 't', partition: 2, nextOffset: 4 }]);
  stream.close();
  const next = openStream(bus.subscriptions, mart);
  // The one before is given a moment for its last commit: partitions may come one after the other.
  const rest = await next.records(60 - 5 - 4);
  const firsts = [0, 1, 2].map((partition) => rest.find((record) => record.partition === partition)?.offset);
  expect(firsts).toEqual([0, 5, 4]);
  next.close();
});

test('a commit that cannot be is refused, and changes nothing', async () => {
  await using bus = await openBus();
  const { incarnation } = await create(bus);
  await publish(bus, upTo(10));
  const at = (positions: [number, number][], life = incarnation) =>
    encodeCursor([{ topic: 't', incarnation: life, positions }]);
  expect(await reasonOf(commit(bus, at([[0, 1]]), 1))).toBe('SUBSCRIBER_NOT_FOUND');
  const stream = openStream(bus.subscriptions, mart);
  const { generation } = (await stream.expect('ready')).assignment;
  expect(await reasonOf(commit(bus, 'nonsense', generation))).toBe('CURSOR_MALFORMED');
  expect(await reasonOf(commit(bus, at([[0, 1]], 'another-life'), generation))).toBe('CURSOR_STALE_TOPIC');
  expect(await reasonOf(commit(bus, at([[0, 1_000]]), generation))).toBe('CURSOR_AHEAD');
  expect(await reasonOf(commit(bus, at([[7, 0]]), generation))).toBe('INVALID_REQUEST');
  expect(await reasonOf(commit(bus, at([[0, 1]]), (generation ?? 0) + 1))).toBe('FENCED');
  const subscriber = 'x'.repeat(201);
  expect(await reasonOf(bus.subscriptions.commit({ subscriber, cursor: at([[0, 1]]), generation: 1 }, never))).toBe(
    'SUBSCRIBER_NAME_INVALID',
  );
  expect(await commit(bus, at([[0, 0]]), generation)).toEqual([{ topic: 't', partition: 0, nextOffset: 0 }]);
  stream.close();
});

test('a topic that is created anew starts at its beginning, and says that the old position is void', async () => {
  await using bus = await openBus();
  await create(bus, { partitions: 1 });
  await publish(bus, upTo(10));
  const first = openStream(bus.subscriptions, mart);
  const { generation } = (await first.expect('ready')).assignment;
  const cursor = (await first.records(10)).at(-1)?.cursor ?? '';
  await commit(bus, cursor, generation);
  first.close();
  await bus.topics.delete('t');
  await create(bus, { partitions: 1 });
  await publish(bus, [100]);
  const second = openStream(bus.subscriptions, mart);
  const got = await second.records(1);
  expect(texts(got)).toEqual([100]);
  expect(second.others).toContainEqual(
    expect.objectContaining({ kind: 'gap', reason: 'topic_recreated', from: 10, to: 0 }),
  );
  expect(await reasonOf(commit(bus, cursor, (generation ?? 0) + 1))).toBe('CURSOR_STALE_TOPIC');
  second.close();
});

test('committed positions survive retention: what is gone is announced, and the rest is delivered', async () => {
  await using bus = await openBus();
  await create(bus, { partitions: 1 });
  await publish(bus, upTo(20));
  const first = openStream(bus.subscriptions, mart);
  await first.records(20);
  first.close();
  await bus.log.truncateBefore('t', 0, 15);
  const second = openStream(bus.subscriptions, mart);
  expect(texts(await second.records(5))).toEqual(upTo(5, 15));
  expect(second.others).toContainEqual(expect.objectContaining({ kind: 'gap', reason: 'retention', from: 0, to: 15 }));
  second.close();
});
