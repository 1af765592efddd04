import { Buffer } from 'node:buffer';
import { setMaxListeners } from 'node:events';
import { expect, test } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import type { EventInput, PublishCommand, SessionCommand } from '../../src/core/publish/command.js';
import { openBus } from '../support/open-bus.js';

const people = JSON.stringify({
  type: 'object',
  required: ['name', 'age'],
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 } },
});
const never = new AbortController().signal;
setMaxListeners(0, never);
const event = (payload: unknown, rest: Partial<EventInput> = {}): EventInput => ({
  payload: Buffer.from(JSON.stringify(payload)),
  ...rest,
});
const person = (age: number, rest: Partial<EventInput> = {}) => event({ name: 'Ada', age }, rest);
const command = (topic: string, events: EventInput[], rest: Partial<PublishCommand> = {}): PublishCommand => ({
  topic,
  events,
  mode: 'all_or_nothing',
  ...rest,
});

async function failure(promise: Promise<unknown>): Promise<BusError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof BusError) return error;
  throw new Error(`expected a BusError, got ${String(error)}`);
}

/** Holds appends up until released; `reached` resolves at the first one. */
function gate() {
  let open: () => void = () => undefined;
  let arrive: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const before = () => {
    arrive();
    return opened;
  };
  return { before, reached, open };
}

test('stores events with positions, by key in one partition and in order', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 'people', settings: { partitions: 4 }, schema: people, adopt: false });
  const events = Array.from({ length: 50 }, (_, i) => person(i, { key: Buffer.from(`k${i % 5}`) }));
  const results = await bus.publisher.publish(command('people', events), never);
  const byKey = new Map<number, { partition: number; offset: number }>();
  results.forEach((result, i) => {
    if (result.status !== 'stored') throw new Error(result.status);
    expect(result.schemaVersion).toBe(1);
    const before = byKey.get(i % 5);
    if (before) {
      expect(result.partition).toBe(before.partition);
      expect(result.offset).toBeGreaterThan(before.offset);
    }
    byKey.set(i % 5, result);
  });
});

test('one invalid event refuses the whole call, names event, place and rule, and nothing is stored', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 'people', settings: {}, schema: people, adopt: false });
  const refused = await failure(bus.publisher.publish(command('people', [person(1), person(-1), event([1])]), never));
  expect(refused).toMatchObject({ reason: 'SCHEMA_VIOLATION', code: 'invalid_argument', retryable: false });
  expect(refused.message).toContain('event 1: /age must be >= 0');
  expect(refused.violations[0]).toMatchObject({ event: 1, pointer: '/age', rule: 'minimum' });
  expect(refused.metadata).toMatchObject({ events_refused: '2' });
  expect((await bus.log.bounds('people', 0)).highWatermark).toBe(0);

  const results = await bus.publisher.publish(
    command('people', [person(1), person(-1), { payload: Buffer.from('{') }, person(2)], { mode: 'independent' }),
    never,
  );
  expect(results.map((result) => result.status)).toEqual(['stored', 'rejected', 'rejected', 'stored']);
  expect(results[2]).toMatchObject({ error: { reason: 'PAYLOAD_NOT_JSON' } });
});

test('what arrives while an append is on its way makes up the next batch', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  const { before, reached, open } = gate();
  bus.log.before = before;
  const calls = [bus.publisher.publish(command('t', [event(0)]), never)];
  await reached;
  for (let i = 1; i <= 20; i++) calls.push(bus.publisher.publish(command('t', [event(i)]), never));
  open();
  const offsets = (await Promise.all(calls)).map(([result]) =>
    result?.status === 'stored' ? result.offset : undefined,
  );
  expect(offsets).toEqual(Array.from({ length: 21 }, (_, i) => i));
  expect(bus.log.batches.map(({ records }) => records)).toEqual([1, 20]);
});

test('a call that is larger than one append is stored in several, in order', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  const offsets = async (events: EventInput[]) =>
    (await bus.publisher.publish(command('t', events), never)).map(
      (result) => result.status === 'stored' && result.offset,
    );
  const small = Array.from({ length: 7_000 }, (_, i) => event(i));
  expect(await offsets(small)).toEqual(small.map((_, i) => i));
  expect(bus.log.batches.map(({ records }) => records)).toEqual([5_000, 2_000]);
  const large = Array.from({ length: 20 }, () => event('x'.repeat(400_000)));
  expect(await offsets(large)).toEqual(large.map((_, i) => 7_000 + i));
  expect(bus.log.batches.length).toBeGreaterThan(3);
});

test('where one append of a call fails, what was before it is stored and what is behind it is not', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  let appends = 0;
  bus.log.before = async () => {
    if (++appends === 2) throw new BusError('LOG_UNAVAILABLE', 'away');
  };
  const events = Array.from({ length: 10_000 }, (_, i) => event(i));
  const refused = await failure(bus.publisher.publish(command('t', events), never));
  expect(refused).toMatchObject({ reason: 'PARTIALLY_STORED', outcome: { unknown: [] } });
  expect(refused.outcome?.stored).toHaveLength(5_000);
  expect((await bus.log.bounds('t', 0)).highWatermark).toBe(5_000);
  await bus.publisher.publish(command('t', [event('after')]), never);
  expect((await bus.log.bounds('t', 0)).highWatermark).toBe(5_001);
});

test('a cancelled call withdraws what is still queued', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  const { before, reached, open } = gate();
  bus.log.before = before;
  const first = bus.publisher.publish(command('t', [event('first')]), never);
  await reached;
  const cancel = new AbortController();
  const withdrawn = bus.publisher.publish(command('t', [event('withdrawn')]), cancel.signal);
  const last = bus.publisher.publish(command('t', [event('last')]), never);
  cancel.abort(new DOMException('deadline', 'TimeoutError'));
  expect(await failure(withdrawn)).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  open();
  await Promise.all([first, last]);
  const read = await bus.log.read('t', 0, 0, 1_000_000);
  const values = read.outcome === 'ok' ? read.records.map(({ value }) => Buffer.from(value ?? []).toString()) : [];
  expect(values).toEqual(['"first"', '"last"']);
});

test('what was checked against a topic is not stored in another one that has taken its name', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 'people', settings: {}, schema: people, adopt: false });
  const { before, reached, open } = gate();
  bus.log.before = before;
  const calls = [1, 2].map((age) => failure(bus.publisher.publish(command('people', [person(age)]), never)));
  await reached;
  await bus.topics.delete('people');
  await bus.topics.create({ name: 'people', settings: {}, schema: '{"type":"string"}', adopt: false });
  const fresh = bus.publisher.publish(command('people', [event('Grace')]), never);
  open();
  for (const call of calls) expect(await call).toMatchObject({ reason: 'TOPIC_DELETED', retryable: false });
  expect(await fresh).toMatchObject([{ status: 'stored', offset: 0 }]);
  expect((await bus.log.bounds('people', 0)).highWatermark).toBe(1);
  await bus.publisher.publish(command('people', [event('Linus')]), never);
});

test('a full buffer refuses at once with a retry delay, and takes events again later', async () => {
  await using bus = await openBus({ topicBufferBytes: 10_000 });
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  const { before, reached, open } = gate();
  bus.log.before = before;
  const large = event('x'.repeat(6_000));
  const first = bus.publisher.publish(command('t', [large]), never);
  await reached;
  const refused = await failure(bus.publisher.publish(command('t', [large]), never));
  expect(refused).toMatchObject({ reason: 'OVERLOADED', code: 'resource_exhausted', retryable: true });
  open();
  await first;
  await bus.publisher.publish(command('t', [large]), never);
});

test('a call that is stored in part says what became of each event', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true, partitions: 2 }, adopt: false });
  const keys = { zero: '', one: '' };
  const place = await bus.publisher.publish(
    command(
      't',
      ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => event(key, { key: Buffer.from(key) })),
    ),
    never,
  );
  place.forEach((result, i) => {
    if (result.status === 'stored') keys[result.partition === 0 ? 'zero' : 'one'] = 'abcdef'.charAt(i);
  });
  const to = (key: string) => event(1, { key: Buffer.from(key) });

  bus.log.before = (partition) => {
    if (partition === 1) throw new BusError('LOG_UNAVAILABLE', 'the broker is away');
  };
  const partly = await failure(
    bus.publisher.publish(command('t', [to(keys.zero), to(keys.one), to(keys.zero)]), never),
  );
  expect(partly).toMatchObject({ reason: 'PARTIALLY_STORED', outcome: { events: 3, unknown: [] } });
  expect(partly.outcome?.stored.map(({ event }) => event)).toEqual([0, 2]);

  expect(await failure(bus.publisher.publish(command('t', [to(keys.one)]), never))).toMatchObject({
    reason: 'LOG_UNAVAILABLE',
    retryable: true,
  });

  bus.log.before = undefined;
  bus.log.after = () => {
    throw new BusError('STORE_OUTCOME_UNKNOWN', 'the answer was lost');
  };
  const unknown = await failure(bus.publisher.publish(command('t', [to(keys.one)]), never));
  expect(unknown).toMatchObject({ reason: 'STORE_OUTCOME_UNKNOWN', outcome: { events: 1, unknown: [0] } });
});

const tooLarge = new BusError('EVENT_TOO_LARGE', 'the broker takes no such record');
const away = new BusError('LOG_UNAVAILABLE', 'the broker is away');

test.each([
  ['one event that can never be stored', tooLarge, { retryable: false, code: 'failed_precondition' }],
  ['a log that is away', away, { retryable: true, code: 'unavailable', retryAfterMs: 1000 }],
])('a call that is stored in part because of %s says whether it may ever succeed', async (_, cause, expected) => {
  await using bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true, partitions: 3 }, adopt: false });
  // One partition stores, one fails in passing, and one fails for the cause: the final reason decides, wherever it stands.
  bus.log.before = (partition) => {
    if (partition === 1) throw away;
    if (partition === 2) throw cause;
  };
  const events = Array.from({ length: 30 }, (_, i) => event(i, { key: Buffer.from(`k${i}`) }));
  const failed = await failure(bus.publisher.publish(command('t', events), never));
  expect(failed).toMatchObject({
    reason: 'PARTIALLY_STORED',
    ...expected,
    metadata: { first_reason: cause.reason },
    outcome: { events: 30, unknown: [] },
  });
  bus.log.before = (partition) => {
    throw partition === 1 ? away : cause;
  };
  const nothing = await failure(bus.publisher.publish(command('t', events), never));
  expect(nothing).toMatchObject({ reason: cause.reason, retryable: cause.retryable });
});

test.each([
  ['for good', tooLarge, ['EVENT_TOO_LARGE', undefined]],
  ['in passing', away, ['LOG_UNAVAILABLE', 'LOG_UNAVAILABLE']],
  [
    'with an unknown outcome',
    new BusError('STORE_OUTCOME_UNKNOWN', 'no answer'),
    ['STORE_OUTCOME_UNKNOWN', 'LOG_UNAVAILABLE'],
  ],
])('events that stand for themselves never speak of a stream: an append that fails %s', async (_, cause, reasons) => {
  await using bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  let appends = 0;
  bus.log.before = () => {
    if (++appends === 1) throw cause;
  };
  // More than one append takes: the second half stands behind the failure.
  const events = Array.from({ length: 10_000 }, (_, i) => event(i));
  const results = await bus.publisher.publish(command('t', events, { mode: 'independent' }), never);
  const reasonAt = (i: number) => {
    const result = results[i];
    return result && 'error' in result ? result.error.reason : undefined;
  };
  expect([reasonAt(0), reasonAt(5_000)]).toEqual(reasons);
  expect(results.filter((result) => 'error' in result && result.error.reason === 'STREAM_HALTED')).toEqual([]);
});

test('an event whose id was used refuses none of those behind it in a call in which each stands for itself', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  const { before, reached, open } = gate();
  bus.log.before = before;
  const first = bus.publisher.publish(command('t', [event('first')]), never);
  await reached;
  // Judged when it is appended, since the other one of its id is only queued when it comes.
  const one = bus.publisher.publish(command('t', [event(1, { id: 'a', source: '/s' })]), never);
  const mixed = bus.publisher.publish(
    command('t', [event(2, { id: 'a', source: '/s' }), event(3, { id: 'b', source: '/s' })], { mode: 'independent' }),
    never,
  );
  open();
  await Promise.all([first, one]);
  expect(await mixed).toMatchObject([
    { status: 'rejected', error: { reason: 'EVENT_ID_REUSED' } },
    { status: 'stored', offset: 2 },
  ]);
});

test('on a stream, nothing overtakes a failure until the client goes on knowingly', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  const stream = bus.publisher.openStream();
  const send = (value: number, continueAfterFailure = false) =>
    stream.publish({ ...command('t', [event(value)]), continueAfterFailure }, never);
  const { before, reached, open } = gate();
  let failing = true;
  bus.log.before = async () => {
    await before();
    if (failing) throw new BusError('LOG_UNAVAILABLE', 'the broker is away');
  };
  const first = send(1);
  await reached;
  const second = send(2);
  open();
  expect(await failure(first)).toMatchObject({ reason: 'LOG_UNAVAILABLE' });
  expect(await failure(second)).toMatchObject({ reason: 'STREAM_HALTED' });
  failing = false;
  expect(await failure(send(3))).toMatchObject({ reason: 'STREAM_HALTED' });
  const [retried] = await send(1, true);
  expect(retried).toMatchObject({ status: 'stored', offset: 0 });
  expect((await send(2))[0]).toMatchObject({ offset: 1 });
});

test.each([false, true])(
  'on a stream, a batch that fails at once halts what comes after it, and not what still waits (going on: %s)',
  async (continueAfterFailure) => {
    await using bus = await openBus();
    await bus.topics.create({ name: 't', settings: {}, schema: 'true', allowAnything: true, adopt: false });
    const stream = bus.publisher.openStream();
    const send = (events: EventInput[], rest: Partial<SessionCommand> = {}) =>
      stream.publish({ ...command('t', events), continueAfterFailure: false, ...rest }, never);
    // Its version has to be looked up.
    const waiting = send([event(1)], { schemaVersion: 1, continueAfterFailure });
    const [empty, last] = [failure(send([])), failure(send([event(2)]))];
    expect(await waiting).toMatchObject([{ status: 'stored', offset: 0 }]);
    expect(await empty).toMatchObject({ reason: 'INVALID_REQUEST' });
    expect(await last).toMatchObject({ reason: 'STREAM_HALTED' });
    expect(await send([event(2)], { continueAfterFailure: true })).toMatchObject([{ status: 'stored', offset: 1 }]);
  },
);

test('limits are told with their numbers, and what is refused leaves no trace', async () => {
  await using bus = await openBus();
  await bus.topics.create({
    name: 't',
    settings: { schemaless: true, maxEventBytes: 1024, keyPointer: '/id' },
    adopt: false,
  });
  const publish = (events: EventInput[]) => failure(bus.publisher.publish(command('t', events), never));
  expect(await publish([])).toMatchObject({ reason: 'INVALID_REQUEST' });
  const fits = `"${'ü'.repeat(511)}"`;
  await bus.publisher.publish(command('t', [{ payload: Buffer.from(fits) }]), never);
  expect(await publish([{ payload: Buffer.from(`${fits} `) }])).toMatchObject({
    reason: 'EVENT_TOO_LARGE',
    message: expect.stringContaining('1025 bytes; t takes at most 1024'),
  });
  expect(await publish(Array.from({ length: 10_001 }, () => event(1)))).toMatchObject({ reason: 'BATCH_TOO_LARGE' });
  expect(await publish([event({ id: [] })])).toMatchObject({
    reason: 'INVALID_REQUEST',
    message: expect.stringContaining('key'),
  });
  expect(await failure(bus.publisher.publish(command('nowhere', [event(1)]), never))).toMatchObject({
    reason: 'TOPIC_NOT_FOUND',
  });
  expect((await bus.log.bounds('t', 0)).highWatermark).toBe(1);
});

test('on a stream, a batch that finds the buffer full is not overtaken by the next one', async () => {
  await using bus = await openBus({ topicBufferBytes: 10_000 });
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  const { before, reached, open } = gate();
  bus.log.before = before;
  const stream = bus.publisher.openStream();
  const send = (value: string, continueAfterFailure = false) =>
    stream.publish({ ...command('t', [event(value)], { mode: 'independent' }), continueAfterFailure }, never);
  const first = send('x'.repeat(6_000));
  await reached;
  // Without a pause: the second must not be in before the first is known to be out.
  const [large, small] = [failure(send('y'.repeat(6_000))), send('small')];
  expect(await large).toMatchObject({ reason: 'OVERLOADED' });
  expect(await small).toMatchObject([{ status: 'not_stored', error: { reason: 'STREAM_HALTED' } }]);
  open();
  await first;
  expect(await send('y'.repeat(6_000), true)).toMatchObject([{ status: 'stored', offset: 1 }]);
});
