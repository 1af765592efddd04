import { Buffer } from 'node:buffer';
import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { ShortWindow } from '../../src/core/dedupe/windows.js';
import { BusError } from '../../src/core/errors.js';
import { readHeaders } from '../../src/core/event-headers.js';
import { allowAll } from '../../src/core/ports/authorizer.js';
import { systemClock } from '../../src/core/ports/clock.js';
import {
  defaultPublishLimits,
  type EventInput,
  type EventResult,
  type PublishCommand,
} from '../../src/core/publish/command.js';
import { partitionOf } from '../../src/core/publish/partitioner.js';
import { createPublisher, type Publisher } from '../../src/core/publish/publisher.js';
import type { SettingsInput } from '../../src/core/topics/topic.js';
import { openBus, type TestBus } from '../support/open-bus.js';
import { reasonOf } from '../support/reasons.js';

const never = new AbortController().signal;
setMaxListeners(0, never);

const event = (value: unknown, id?: string, rest: Partial<EventInput> = {}): EventInput => ({
  payload: Buffer.from(JSON.stringify(value)),
  id,
  source: '/tests',
  ...rest,
});

type Rest = Partial<PublishCommand>;
const publish = (publisher: Publisher, events: EventInput[], rest: Rest = {}) =>
  publisher.publish({ topic: 't', events, mode: 'all_or_nothing', ...rest }, never);

const failure = async (call: Promise<unknown>): Promise<BusError> =>
  call.then(
    () => Promise.reject(new Error('expected a refusal')),
    (error: unknown) => BusError.from(error),
  );

async function openTopic(settings: SettingsInput = {}): Promise<TestBus> {
  const bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true, ...settings }, adopt: false });
  return bus;
}

/** As after a restart, by a clock that is so much ahead. */
function restarted(bus: TestBus, aheadMs = 0, onShortWindow?: (short: ShortWindow) => void): Publisher {
  const clock = { ...systemClock, wallTime: () => Date.now() + aheadMs };
  const { log, topics } = bus;
  return createPublisher({ log, topics, authorizer: allowAll, limits: defaultPublishLimits, clock, onShortWindow });
}

const written = async ({ log }: TestBus, partition = 0) => (await log.bounds('t', partition)).highWatermark;

describe('an event with an id that is published again', () => {
  test('is answered with its first position, and stored once', async () => {
    await using bus = await openTopic({ partitions: 16 });
    const [first] = await publish(bus.publisher, [event(1, 'a')]);
    const [other] = await publish(bus.publisher, [event(1, 'a', { source: '/others' })]);
    const [again] = await publish(bus.publisher, [event(1, 'a')]);
    expect(first).not.toHaveProperty('duplicate');
    expect(other).not.toHaveProperty('duplicate');
    expect(again).toEqual({ ...first, duplicate: true });
    expect(bus.log.batches).toHaveLength(2);
  });

  test('with another payload is refused, and nothing of its call is written', async () => {
    await using bus = await openTopic();
    await publish(bus.publisher, [event(1, 'a')]);
    const refused = await failure(publish(bus.publisher, [event(0), event(2, 'a'), event(3, 'b')]));
    expect(refused).toMatchObject({
      reason: 'EVENT_ID_REUSED',
      code: 'already_exists',
      retryable: false,
      message: expect.stringContaining('event 1: another event has the same identity and another payload, at offset 0'),
      violations: [{ event: 1, rule: 'identity' }],
      metadata: { partition: '0', offset: '0' },
    });
    expect(await written(bus)).toBe(1);
    const mixed = await publish(bus.publisher, [event(2, 'a'), event(3, 'b'), event(1, 'a')], { mode: 'independent' });
    expect(mixed).toMatchObject([
      { status: 'rejected', error: { reason: 'EVENT_ID_REUSED' } },
      { status: 'stored', offset: 1 },
      { status: 'stored', offset: 0, duplicate: true },
    ]);
  });

  test('is recognised after a restart, also among many events without ids', async () => {
    await using bus = await openTopic();
    const many = Array.from({ length: 3_000 }, (_, i) => event(i));
    await publish(bus.publisher, many);
    const [first] = await publish(bus.publisher, [event('first', 'a')]);
    await publish(bus.publisher, many);
    const publisher = restarted(bus);
    expect(await publish(publisher, [event('first', 'a')])).toEqual([{ ...first, duplicate: true }]);
    expect(await reasonOf(publish(publisher, [event('second', 'a')]))).toBe('EVENT_ID_REUSED');
  });

  test('is stored again when the window is over', async () => {
    await using bus = await openTopic({ dedupeWindowMs: 60_000 });
    await publish(bus.publisher, [event(1, 'a')]);
    expect(await publish(restarted(bus, 59_000), [event(1, 'a')])).toMatchObject([{ offset: 0, duplicate: true }]);
    const [again] = await publish(restarted(bus, 61_000), [event(2, 'a')]);
    expect(again).toMatchObject({ offset: 1 });
    expect(again).not.toHaveProperty('duplicate');
  });

  test('is stored again where the topic does not compare', async () => {
    await using bus = await openTopic({ dedupeWindowMs: 0 });
    await publish(bus.publisher, [event(1, 'a')]);
    expect(await publish(bus.publisher, [event(2, 'a')])).toMatchObject([{ offset: 1 }]);
    await bus.topics.apply({ name: 't', settings: { dedupeWindowMs: 60_000 }, schemas: [] });
    expect(await publish(bus.publisher, [event(1, 'a')])).toMatchObject([{ offset: 0, duplicate: true }]);
  });

  test('is another event in a topic that was created anew', async () => {
    await using bus = await openTopic();
    await publish(bus.publisher, [event(0), event(1, 'a')]);
    await bus.topics.delete('t');
    await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
    const [again] = await publish(bus.publisher, [event(2, 'a')]);
    expect(again).toMatchObject({ offset: 0 });
    expect(again).not.toHaveProperty('duplicate');
  });

  test('is recognised when it was not known whether it had been stored', async () => {
    await using bus = await openTopic();
    bus.log.after = () => {
      bus.log.after = undefined;
      throw new BusError('STORE_OUTCOME_UNKNOWN', 'the answer is lost');
    };
    expect(await reasonOf(publish(bus.publisher, [event(1, 'a'), event(2)]))).toBe('STORE_OUTCOME_UNKNOWN');
    const results = await publish(bus.publisher, [event(1, 'a'), event(2)]);
    expect(results).toMatchObject([{ offset: 0, duplicate: true }, { offset: 2 }]);
  });
});

describe('the same identity at the same time', () => {
  test('in one call is one event', async () => {
    await using bus = await openTopic();
    const results = await publish(bus.publisher, [event(0), event(1, 'a'), event(2), event(1, 'a'), event(3)]);
    expect(results.map((result) => result.status === 'stored' && result.offset)).toEqual([0, 1, 2, 1, 3]);
    expect(results[3]).toHaveProperty('duplicate', true);
    expect(await written(bus)).toBe(4);
  });

  test('in one call with two payloads refuses the call', async () => {
    await using bus = await openTopic({ partitions: 4 });
    const refused = await failure(publish(bus.publisher, [event(0), event(1, 'a'), event(2, 'a')]));
    expect(refused).toMatchObject({
      reason: 'EVENT_ID_REUSED',
      message: expect.stringContaining('event 1 of this call'),
    });
    expect(bus.log.batches).toEqual([]);
    // In another partition it is another event.
    const keys = Array.from({ length: 20 }, (_, i) => Buffer.from(`k${i}`));
    const [one, two] = [0, 1].map((partition) => keys.find((key) => partitionOf(key, 4) === partition));
    const keyed = await publish(bus.publisher, [event(1, 'a', { key: one }), event(2, 'a', { key: two })]);
    expect(keyed.map(({ status }) => status)).toEqual(['stored', 'stored']);
  });

  test('in calls that overlap is one event, whoever comes first', async () => {
    await using bus = await openTopic();
    await publish(bus.publisher, [event('warm', 'warm')]);
    let go: () => void = () => undefined;
    bus.log.before = () => new Promise((resolve) => (go = resolve));
    const held = publish(bus.publisher, [event('held')]);
    const calls = [event(1, 'a'), event(1, 'a')].map((each) => publish(bus.publisher, [each]));
    const other = reasonOf(publish(bus.publisher, [event(2, 'a')]));
    const independent = publish(bus.publisher, [event(3, 'a'), event(4, 'b')], { mode: 'independent' });
    bus.log.before = undefined;
    go();
    await held;
    const [first, second] = await Promise.all(calls);
    expect(first).toMatchObject([{ offset: 2 }]);
    expect(second).toMatchObject([{ offset: 2, duplicate: true }]);
    expect(await other).toBe('EVENT_ID_REUSED');
    expect(await independent).toMatchObject([{ status: 'rejected' }, { status: 'stored', offset: 3 }]);
  });

  test('of which the first is not stored, the others are not either', async () => {
    await using bus = await openTopic();
    bus.log.before = () => {
      throw new BusError('LOG_UNAVAILABLE', 'down');
    };
    const calls = [1, 2].map(() => reasonOf(publish(bus.publisher, [event(1, 'a')])));
    expect(await Promise.all(calls)).toEqual(['LOG_UNAVAILABLE', 'LOG_UNAVAILABLE']);
    bus.log.before = undefined;
    expect((await publish(bus.publisher, [event(1, 'a')]))[0]).not.toHaveProperty('duplicate');
  });
});

describe('an idempotency key', () => {
  test('makes a retry of a whole call safe, and shows in no attribute', async () => {
    await using bus = await openTopic({ partitions: 8 });
    const batch = [
      event(1, undefined, { source: undefined }),
      event(1),
      event(1, undefined, { key: Buffer.from('k') }),
    ];
    const first = await publish(bus.publisher, batch, { idempotencyKey: 'call 1' });
    const again = await publish(bus.publisher, batch, { idempotencyKey: 'call 1' });
    expect(again).toEqual(first.map((result) => ({ ...result, duplicate: true })));
    const changed = batch.map((each, i) => (i === 1 ? event(7) : each));
    const mode = 'independent';
    const after = await publish(restarted(bus), changed, { idempotencyKey: 'call 1', mode });
    expect(after.map(({ status }) => status)).toEqual(['stored', 'rejected', 'stored']);
    expect(await reasonOf(publish(bus.publisher, [event(2)], { idempotencyKey: 'call 1' }))).toBe('EVENT_ID_REUSED');
    expect((await publish(bus.publisher, batch, { idempotencyKey: 'call 2' }))[0]).not.toHaveProperty('duplicate');
    const [stored] = first;
    if (stored?.status !== 'stored') throw new Error('not stored');
    const read = await bus.log.read('t', stored.partition, stored.offset, 1);
    const { id, source, attributes, rest } = readHeaders(read.outcome === 'ok' ? (read.records[0]?.headers ?? []) : []);
    expect({ id, source, attributes, rest }).toEqual({ id: undefined, source: undefined, attributes: {}, rest: [] });
  });

  test('leaves events with an id theirs', async () => {
    await using bus = await openTopic();
    await publish(bus.publisher, [event(1, 'a')], { idempotencyKey: 'x' });
    expect(await publish(bus.publisher, [event(0), event(1, 'a')], { idempotencyKey: 'y' })).toMatchObject([
      { offset: 1 },
      { offset: 0, duplicate: true },
    ]);
  });

  test.each(['', 'x'.repeat(256)])('has 1 to 255 characters', async (idempotencyKey) => {
    await using bus = await openTopic();
    expect(await reasonOf(publish(bus.publisher, [event(1)], { idempotencyKey }))).toBe('INVALID_REQUEST');
  });
});

describe('a window', () => {
  test('that the number of events cuts short says so, to publishers and once to the log', async () => {
    await using bus = await openTopic({ dedupeEntries: 1_000 });
    const told: ShortWindow[] = [];
    const warnings: string[] = [];
    const publisher = restarted(bus, 0, (short) => told.push(short));
    const send = (events: EventInput[]) =>
      publish(publisher, events, { onWarning: (warning) => warnings.push(warning) });
    await send([event(1, 'a')]);
    await send(Array.from({ length: 998 }, (_, i) => event(i)));
    expect(await send([event(1, 'a')])).toMatchObject([{ offset: 0, duplicate: true }]);
    expect(warnings).toEqual([]);
    await send([event(2), event(3)]);
    expect(await send([event(1, 'a')])).toMatchObject([{ offset: 1001 }]);
    await send([event(4, 'b')]);
    expect(warnings).toContainEqual(expect.stringContaining('its share of dedupe_entries since, which is 1000 events'));
    expect(told).toEqual([expect.objectContaining({ topic: 't', partition: 0, entries: 1_000, windowMs: 600_000 })]);
    // An instance that starts now goes back as far, and no further.
    expect(await publish(restarted(bus), [event(1, 'a')])).toMatchObject([{ offset: 1001, duplicate: true }]);
  });

  test('that is being read back keeps nobody waiting who has no ids', async () => {
    await using bus = await openTopic();
    await publish(bus.publisher, [event(1, 'a')]);
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const log = Object.create(bus.log, {
      read: { value: async (...args: Parameters<typeof bus.log.read>) => gate.then(() => bus.log.read(...args)) },
    });
    const publisher = createPublisher({ log, topics: bus.topics, authorizer: allowAll, limits: defaultPublishLimits });
    const waiting = publish(publisher, [event(1, 'a')]);
    const impatient = new AbortController();
    const left = reasonOf(
      publisher.publish({ topic: 't', events: [event(1, 'a')], mode: 'independent' }, impatient.signal),
    );
    expect(await publish(publisher, [event(2)])).toMatchObject([{ offset: 1 }]);
    impatient.abort(new BusError('CANCELLED', 'left'));
    expect(await left).toBe('CANCELLED');
    go();
    expect(await waiting).toMatchObject([{ offset: 0, duplicate: true }]);
    expect(await publish(publisher, [event(3, 'c')])).toMatchObject([{ offset: 2 }]);
  });
});

test.each(['publish', 'add'] as const)(
  'on a stream, a batch that waits for a window is not overtaken, by %s',
  async (way) => {
    await using bus = await openTopic();
    await publish(bus.publisher, [event(1, 'a')]);
    const stream = restarted(bus).openStream();
    const batch = (each: EventInput) =>
      ({ topic: 't', events: [each], mode: 'independent', continueAfterFailure: false }) as const;
    const send = (each: EventInput) =>
      way === 'publish'
        ? stream.publish(batch(each), never)
        : new Promise<readonly EventResult[]>((answered, failed) =>
            stream.add(batch(each), { warned: () => undefined, answered, failed }, never),
          );
    const sent = [send(event(2, 'b')), send(event(3)), send(event(1, 'a')), send(event(4))];
    stream.flush();
    const results = await Promise.all(sent);
    expect(results.flat().map((result) => result.status === 'stored' && result.offset)).toEqual([1, 2, 0, 3]);
  },
);
