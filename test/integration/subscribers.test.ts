import { Buffer } from 'node:buffer';
import { setMaxListeners } from 'node:events';
import { expect, test } from 'vitest';
import { encodeCursor } from '../../src/core/cursor.js';
import { BusError } from '../../src/core/errors.js';
import { parkedTopicOf, redriveTopicOf } from '../../src/core/parking/names.js';
import { allowAll } from '../../src/core/ports/authorizer.js';
import type { EventLog } from '../../src/core/ports/event-log.js';
import { createSubscribers } from '../../src/core/subscribers/index.js';
import type { ResetCommand, ResetTo } from '../../src/core/subscribers/subscriber.js';
import { openBus, type TestBus } from '../support/open-bus.js';
import { reasonOf } from '../support/reasons.js';

const never = new AbortController().signal;
setMaxListeners(0, never);
const subscriber = 'mart-a';

async function create(bus: TestBus, name: string, partitions: number, records = 10): Promise<string> {
  const { incarnation } = await bus.topics.create({ name, settings: { schemaless: true, partitions }, adopt: false });
  for (let partition = 0; partition < partitions && records > 0; partition++) {
    const batch = Array.from({ length: records }, (_, i) => ({ key: null, value: Buffer.from(`${i}`), headers: [] }));
    await bus.log.append(name, partition, batch);
  }
  return incarnation;
}

const reset = (bus: TestBus, to: ResetTo, more: Partial<ResetCommand> = {}) =>
  bus.subscribers.reset({ subscriber, topic: 't', partitions: [], dryRun: false, force: false, to, ...more });
const positions = async (bus: TestBus) =>
  (await bus.subscribers.get(subscriber)).positions.map(
    ({ topic, partition, next }) => `${topic}/${partition}:${next}`,
  );

/** The record of a connected stream, as a stream leaves it. */
async function connect(bus: TestBus, id: string): Promise<void> {
  const session = await bus.coordination.session();
  const value = Buffer.from(JSON.stringify({ topics: ['t'], instance: 'one', since: 1, readerSchemaVersion: 3 }));
  await session.createEphemeral(['subscribers', subscriber, 'streams', id], value);
}

test('a reset of a named topic creates a subscriber; list and get tell where it is', async () => {
  await using bus = await openBus();
  await create(bus, 't', 3);
  expect(await bus.subscribers.list()).toEqual([]);
  expect(await reasonOf(bus.subscribers.get(subscriber))).toBe('SUBSCRIBER_NOT_FOUND');
  expect(await reasonOf(reset(bus, { at: 'earliest' }, { topic: undefined }))).toBe('SUBSCRIBER_NOT_FOUND');
  const { changes, fencedStreams } = await reset(bus, { at: 'offset', offset: 4 }, { partitions: [1] });
  expect(changes).toEqual([{ topic: 't', partition: 1, from: undefined, to: 4 }]);
  expect(fencedStreams).toBe(0);
  await reset(bus, { at: 'latest' }, { partitions: [2] });
  const { subscriber: info, positions: at, streams } = await bus.subscribers.get(subscriber);
  expect(info).toMatchObject({ name: subscriber, streams: 0, topics: ['t'], lag: 6 });
  expect(at).toMatchObject([
    { topic: 't', partition: 1, next: 4, earliest: 0, highWatermark: 10, lag: 6, streamId: '', stuck: false },
    { topic: 't', partition: 2, next: 10, earliest: 0, highWatermark: 10, lag: 0, lagMs: undefined, stale: false },
  ]);
  expect(at[0]?.lagMs).toBeGreaterThanOrEqual(0);
  expect(streams).toEqual([]);
  expect(await bus.subscribers.list()).toEqual([info]);
});

test('records that retention has removed are no lag', async () => {
  await using bus = await openBus();
  await create(bus, 't', 1);
  await reset(bus, { at: 'offset', offset: 2 }, { partitions: [0] });
  await bus.log.truncateBefore('t', 0, 7);
  const { subscriber: info, positions: at } = await bus.subscribers.get(subscriber);
  expect(info.lag).toBe(3);
  expect(at).toMatchObject([{ next: 2, earliest: 7, highWatermark: 10, lag: 3 }]);
  await bus.log.truncateBefore('t', 0, 10);
  expect((await bus.subscribers.get(subscriber)).positions).toMatchObject([{ lag: 0, stuck: false }]);
});

test('a reset goes to earliest, latest, a time, a cursor or an offset, and a dry run only tells', async () => {
  await using bus = await openBus();
  const incarnation = await create(bus, 't', 2);
  await create(bus, 'u', 1, 5);
  await reset(bus, { at: 'latest' });
  await reset(bus, { at: 'latest' }, { topic: 'u' });
  const before = await positions(bus);
  const dry = await reset(bus, { at: 'earliest' }, { topic: undefined, dryRun: true });
  expect(dry.changes).toEqual([
    { topic: 't', partition: 0, from: 10, to: 0 },
    { topic: 't', partition: 1, from: 10, to: 0 },
    { topic: 'u', partition: 0, from: 5, to: 0 },
  ]);
  expect(await positions(bus)).toEqual(before);
  await reset(bus, { at: 'earliest' }, { topic: undefined });
  expect(await positions(bus)).toEqual(['t/0:0', 't/1:0', 'u/0:0']);
  await reset(bus, { at: 'time', timestamp: Date.now() + 60_000 }, { partitions: [1] });
  expect(await positions(bus)).toEqual(['t/0:0', 't/1:10', 'u/0:0']);
  const cursor = encodeCursor([{ topic: 't', incarnation, positions: [[0, 3]] }]);
  await reset(bus, { at: 'cursor', cursor }, { topic: undefined });
  expect(await positions(bus)).toEqual(['t/0:3', 't/1:10', 'u/0:0']);
  const generations = (await bus.subscribers.get(subscriber)).positions.map(({ generation }) => generation);
  expect(new Set(generations).size).toBe(3);
});

test('a reset that cannot be is refused, and moves nothing', async () => {
  await using bus = await openBus();
  const incarnation = await create(bus, 't', 2);
  await reset(bus, { at: 'offset', offset: 5 }, { partitions: [0] });
  await bus.log.truncateBefore('t', 0, 2);
  const before = await positions(bus);
  const cursorOf = (life: string, at: [number, number][]) =>
    ({ at: 'cursor', cursor: encodeCursor([{ topic: 't', incarnation: life, positions: at }]) }) as const;
  for (const [to, more, reason] of [
    [{ at: 'offset', offset: 11 }, { partitions: [0] }, 'CURSOR_AHEAD'],
    [{ at: 'offset', offset: 1 }, { partitions: [0] }, 'CURSOR_EXPIRED'],
    [{ at: 'offset', offset: -1 }, { partitions: [0] }, 'INVALID_REQUEST'],
    [{ at: 'offset', offset: 5 }, {}, 'INVALID_REQUEST'],
    [{ at: 'offset', offset: 5 }, { partitions: [0, 1] }, 'INVALID_REQUEST'],
    [{ at: 'earliest' }, { partitions: [2] }, 'INVALID_REQUEST'],
    [{ at: 'earliest' }, { partitions: [0, 0] }, 'INVALID_REQUEST'],
    [{ at: 'earliest' }, { partitions: [0], topic: undefined }, 'INVALID_REQUEST'],
    [{ at: 'earliest' }, { topic: 'none' }, 'TOPIC_NOT_FOUND'],
    [{ at: 'earliest' }, { topic: '..' }, 'TOPIC_NAME_INVALID'],
    [{ at: 'earliest' }, { subscriber: '' }, 'SUBSCRIBER_NAME_INVALID'],
    [{ at: 'cursor', cursor: 'nonsense' }, {}, 'CURSOR_MALFORMED'],
    [cursorOf('another-life', [[0, 5]]), {}, 'CURSOR_STALE_TOPIC'],
    [cursorOf(incarnation, [[0, 11]]), {}, 'CURSOR_AHEAD'],
    [cursorOf(incarnation, [[0, 1]]), { topic: undefined }, 'CURSOR_EXPIRED'],
    [cursorOf(incarnation, [[7, 1]]), {}, 'INVALID_REQUEST'],
    [cursorOf(incarnation, [[0, 5]]), { partitions: [1] }, 'INVALID_REQUEST'],
  ] as const satisfies [ResetTo, Partial<ResetCommand>, string][])
    expect([to, more, await reasonOf(reset(bus, to, more))]).toEqual([to, more, reason]);
  expect(await positions(bus)).toEqual(before);
});

test('a subscriber with connected streams is left alone unless force is used', async () => {
  await using bus = await openBus();
  await create(bus, 't', 2);
  await reset(bus, { at: 'latest' });
  await connect(bus, 'stream-1');
  await connect(bus, 'stream-2');
  expect(await reasonOf(reset(bus, { at: 'earliest' }))).toBe('SUBSCRIBER_ACTIVE');
  expect(await reasonOf(bus.subscribers.delete(subscriber, false))).toBe('SUBSCRIBER_ACTIVE');
  expect((await reset(bus, { at: 'earliest' }, { dryRun: true })).fencedStreams).toBe(2);
  expect(await positions(bus)).toEqual(['t/0:10', 't/1:10']);
  expect((await bus.subscribers.get(subscriber)).streams).toMatchObject([
    { id: 'stream-1', instance: 'one', readerSchemaVersion: 3, partitions: [] },
    { id: 'stream-2' },
  ]);
  expect((await reset(bus, { at: 'earliest' }, { force: true })).fencedStreams).toBe(2);
  expect(await positions(bus)).toEqual(['t/0:0', 't/1:0']);
});

test('a crash anywhere in a reset leaves all positions as they were, or all as they are to be', async () => {
  await using bus = await openBus();
  await create(bus, 't', 3);
  for (let crashAt = 0; ; crashAt++) {
    await reset(bus, { at: 'earliest' });
    let writes = 0;
    bus.coordination.failsAt = () => writes++ >= crashAt;
    const outcome = await reasonOf(reset(bus, { at: 'offset', offset: 7 }, { partitions: [0] }));
    const all = await reasonOf(reset(bus, { at: 'latest' }));
    bus.coordination.failsAt = undefined;
    const found = await positions(bus);
    expect([
      ['t/0:0', 't/1:0', 't/2:0'],
      ['t/0:7', 't/1:0', 't/2:0'],
      ['t/0:10', 't/1:10', 't/2:10'],
    ]).toContainEqual(found);
    if (all !== 'none') continue;
    expect(outcome).toBe('none');
    expect(found).toEqual(['t/0:10', 't/1:10', 't/2:10']);
    expect(crashAt).toBeGreaterThan(5);
    break;
  }
});

test('a crash anywhere in a deletion leaves a subscriber, or none; a later one of that name begins anew', async () => {
  await using bus = await openBus();
  await create(bus, 't', 2);
  let largest = 0;
  for (let crashAt = 0; ; crashAt++) {
    await reset(bus, { at: 'latest' });
    largest = Math.max(largest, (await bus.subscribers.get(subscriber)).positions[0]?.generation ?? 0);
    let writes = 0;
    bus.coordination.failsAt = () => writes++ >= crashAt;
    const outcome = await reasonOf(bus.subscribers.delete(subscriber, false));
    bus.coordination.failsAt = undefined;
    const names = (await bus.subscribers.list()).map(({ name }) => name);
    if (writes > 0 && names.length === 0) {
      expect(await reasonOf(bus.subscribers.get(subscriber))).toBe('SUBSCRIBER_NOT_FOUND');
      expect(await bus.coordination.children(['subscribers', subscriber, 'offsets'])).toEqual([]);
      await reset(bus, { at: 'earliest' }, { partitions: [0] });
      expect(await positions(bus)).toEqual(['t/0:0']);
      const generation = (await bus.subscribers.get(subscriber)).positions[0]?.generation ?? 0;
      expect(generation).toBeGreaterThan(largest);
    } else expect(await positions(bus)).toEqual(['t/0:10', 't/1:10']);
    if (outcome !== 'none') continue;
    expect(names).toEqual([]);
    expect(crashAt).toBeGreaterThan(5);
    break;
  }
});

test('a deletion takes the parked and the redrive topic along, and nothing of another subscriber', async () => {
  await using bus = await openBus();
  await create(bus, 't', 1);
  await reset(bus, { at: 'latest' });
  await reset(bus, { at: 'latest' }, { subscriber: 'mart-b' });
  const own = [parkedTopicOf(subscriber), redriveTopicOf(subscriber)];
  const other = [parkedTopicOf('mart-b'), redriveTopicOf('mart-b')];
  for (const name of [...own, ...other]) {
    await bus.topics.create({ name, settings: { schemaless: true }, adopt: false });
  }
  await bus.subscribers.delete(subscriber, false);
  expect((await bus.log.listTopics()).sort()).toEqual(['t', ...other].sort());
  expect(await bus.subscribers.list()).toMatchObject([{ name: 'mart-b', lag: 0 }]);
  expect(await bus.coordination.children(['subscribers'])).toEqual(['mart-b']);
  expect(await reasonOf(bus.subscribers.delete(subscriber, true))).toBe('SUBSCRIBER_NOT_FOUND');
});

test('a deleted topic leaves a stale position, which a reset passes over', async () => {
  await using bus = await openBus();
  await create(bus, 't', 1);
  await create(bus, 'u', 1);
  await reset(bus, { at: 'latest' });
  await reset(bus, { at: 'latest' }, { topic: 'u' });
  await bus.topics.delete('u');
  expect(await bus.subscribers.get(subscriber)).toMatchObject({
    subscriber: { lag: 0 },
    positions: [
      { topic: 't', stale: false },
      { topic: 'u', next: 10, stale: true, lag: undefined, highWatermark: undefined, stuck: false },
    ],
  });
  const { changes } = await reset(bus, { at: 'earliest' }, { topic: undefined });
  expect(changes).toEqual([{ topic: 't', partition: 0, from: 10, to: 0 }]);
  await create(bus, 'u', 1, 2);
  expect((await bus.subscribers.get(subscriber)).positions[1]).toMatchObject({ stale: true, lag: undefined });
  expect((await reset(bus, { at: 'latest' }, { topic: 'u' })).changes).toEqual([
    { topic: 'u', partition: 0, from: undefined, to: 2 },
  ]);
});

/** The operation of subscribers on another log than the bus has. */
function over(bus: TestBus, log: Partial<EventLog>) {
  const { coordination, topics } = bus;
  const other: EventLog = Object.create(
    bus.log,
    Object.fromEntries(Object.entries(log).map(([name, value]) => [name, { value }])),
  );
  return createSubscribers({
    log: other,
    coordination,
    topics,
    authorizer: allowAll,
    commit: bus.subscriptions.commit,
  });
}

test('where the log cannot be asked positions are told without lag', async () => {
  await using bus = await openBus();
  await create(bus, 't', 2);
  await reset(bus, { at: 'earliest' });
  const fails = async () => {
    throw new BusError('LOG_UNAVAILABLE', 'away');
  };
  const away = over(bus, { bounds: fails, read: fails });
  expect(await away.get(subscriber)).toMatchObject({
    subscriber: { lag: undefined },
    positions: [
      { next: 0, lag: undefined, lagMs: undefined, highWatermark: undefined, stale: false, stuck: false },
      {},
    ],
  });
  expect(await away.list()).toMatchObject([{ name: subscriber, lag: undefined }]);
});

test('a subscriber of 1,000 partitions is told with one question per partition for the end, one for the time, few at once', async () => {
  await using bus = await openBus();
  await create(bus, 't', 1_000, 0);
  await bus.log.append('t', 7, [{ key: null, value: Buffer.from('1'), headers: [] }]);
  await reset(bus, { at: 'earliest' });
  const asked = { bounds: 0, read: 0 };
  let now = 0;
  let most = 0;
  const counted = async <T>(what: keyof typeof asked, work: () => Promise<T>) => {
    asked[what]++;
    most = Math.max(most, ++now);
    return work().finally(() => now--);
  };
  const counting = over(bus, {
    bounds: (topic, partition) => counted('bounds', () => bus.log.bounds(topic, partition)),
    read: (...args) => counted('read', () => bus.log.read(...args)),
  });
  const [first, second] = await Promise.all([counting.get(subscriber), counting.get(subscriber)]);
  expect(first.positions).toHaveLength(1_000);
  expect(first.subscriber.lag).toBe(1);
  expect(second.subscriber).toEqual(first.subscriber);
  expect(asked.read).toBe(2);
  expect(asked.bounds).toBeGreaterThanOrEqual(1_000);
  expect(asked.bounds).toBeLessThanOrEqual(2_000);
  expect(most).toBeLessThanOrEqual(32);
});
