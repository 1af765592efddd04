import { Buffer } from 'node:buffer';
import { setMaxListeners } from 'node:events';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import type { EventInput, EventResult, PublishSession, SessionCommand } from '../../src/core/publish/command.js';
import { PublishStreamRequestSchema, PublishStreamResponseSchema } from '../../src/gen/mainstem/v1/publish_pb.js';
import { publishStream } from '../../src/transports/connect/publish-stream.js';
import { wireForm } from '../../src/transports/connect/stream-form.js';
import { openBus, type TestBus } from '../support/open-bus.js';

const never = new AbortController().signal;
setMaxListeners(0, never);

type Outcome = readonly EventResult[] | BusError;

const unheard = () => undefined;

/** Publishes batches that came together. */
function together(
  session: PublishSession,
  batches: readonly SessionCommand[],
  warned: (warning: string) => void = unheard,
  signal: AbortSignal = never,
): Promise<Outcome>[] {
  const outcomes = batches.map(
    (batch) =>
      new Promise<Outcome>((resolve) => {
        let isTold = false;
        const tell = (outcome: Outcome) => {
          if (isTold) throw new Error('told twice');
          isTold = true;
          resolve(outcome);
        };
        const listener = { warned, answered: tell, failed: (error: unknown) => tell(BusError.from(error)) };
        session.add(batch, listener, signal);
      }),
  );
  session.flush();
  return outcomes;
}

const oneByOne = (
  session: PublishSession,
  batches: readonly SessionCommand[],
  onWarning: (warning: string) => void,
): Promise<Outcome>[] =>
  batches.map((batch) => session.publish({ ...batch, onWarning }, never).catch((error) => BusError.from(error)));

const seen = (outcome: Outcome) =>
  outcome instanceof BusError
    ? { reason: outcome.reason, rules: outcome.violations.map(({ event, rule }) => ({ event, rule })) }
    : outcome.map((result) =>
        result.status === 'stored'
          ? { offset: result.offset, schemaVersion: result.schemaVersion, duplicate: result.duplicate }
          : { status: result.status, reason: result.error.reason },
      );

async function stored(bus: TestBus, topic: string, partition = 0): Promise<string[]> {
  const read = await bus.log.read(topic, partition, 0, 10_000_000);
  return read.outcome === 'ok' ? read.records.map(({ value }) => Buffer.from(value ?? []).toString()) : [];
}

const payload = fc.integer({ min: 0, max: 99 }).map((n) => `{"n":${n}}`);
const refused = fc.constantFrom('{"n":"one"}', '{', '', `{"n":1,"s":"${'x'.repeat(1_100)}"}`);
const key = fc.option(
  fc.constantFrom('a', 'b').map((text) => Buffer.from(text)),
  { nil: undefined },
);
const often = <T>(weight: number, usual: fc.Arbitrary<T>, else_: fc.Arbitrary<T>) =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: else_ });

/** All kinds of batches. */
const event: fc.Arbitrary<EventInput> = fc.record({
  payload: often(8, payload, refused).map((text) => Buffer.from(text)),
  key,
  id: often(6, fc.constant(undefined), fc.constantFrom('', 'i', 'j')),
  type: fc.constantFrom(undefined, undefined, 'changed'),
});
const anything = fc.record({
  topic: often(12, fc.constant('t'), fc.constant('missing')),
  events: often(
    8,
    event.map((one) => [one]),
    fc.array(event, { maxLength: 3 }),
  ),
  mode: fc.constantFrom('all_or_nothing' as const, 'independent' as const),
  schemaVersion: fc.constantFrom(undefined, undefined, undefined, 1, 2),
  idempotencyKey: fc.constantFrom(undefined, undefined, undefined, 'k'),
  continueAfterFailure: fc.boolean(),
});
/** One event each, many of them refused. */
const plain = fc.record({
  topic: fc.constant('t'),
  events: often(3, payload, refused).map((text) => [{ payload: Buffer.from(text) }]),
  mode: fc.constantFrom('all_or_nothing' as const, 'independent' as const),
  continueAfterFailure: fc.boolean(),
});
/** Batches whose events are recognised: sent again, or others under an identity that is taken. */
const identified = fc.record({
  topic: fc.constant('t'),
  events: fc
    .record({
      payload: fc.constantFrom('{"n":1}', '{"n":2}').map((text) => Buffer.from(text)),
      id: fc.constantFrom('i', 'j', 'k'),
    })
    .map((one) => [one]),
  // What a refusal halts depends on what is on its way already.
  mode: fc.constant('independent' as const),
  continueAfterFailure: fc.boolean(),
});
const listsOf = (batch: fc.Arbitrary<SessionCommand>) =>
  fc.array(fc.array(batch, { minLength: 1, maxLength: 6 }), { maxLength: 8 });

test('what comes together ends as it does one by one', async () => {
  await using bus = await openBus();
  let run = 0;
  const schema = JSON.stringify({ type: 'object', properties: { n: { type: 'integer' } } });
  const lists = fc.oneof(listsOf(anything), listsOf(plain), listsOf(identified));
  await fc.assert(
    fc.asyncProperty(lists, fc.boolean(), async (sent, isDeprecated) => {
      run++;
      const ways = [together, oneByOne].map(async (publish, way) => {
        const name = `t${run}-${way}`;
        await bus.topics.create({ name, settings: { maxEventBytes: 1024 }, schema, adopt: false });
        if (isDeprecated) await bus.schemas.setState(name, 1, 'deprecated');
        const session = bus.publisher.openStream();
        const outcomes: Outcome[] = [];
        let warnings = 0;
        for (const list of sent) {
          const named = list.map((one) => (one.topic === 't' ? { ...one, topic: name } : one));
          // What is known when the next ones come would depend on chance otherwise.
          outcomes.push(...(await Promise.all(publish(session, named, () => void warnings++))));
        }
        return { outcomes: outcomes.map(seen), warnings, stored: await stored(bus, name) };
      });
      const [first, second] = await Promise.all(ways);
      expect(first).toEqual(second);
    }),
    { numRuns: 40 },
  );
});

test('of what comes together, an event under an identity that is taken is refused, and halts what comes behind it', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  const one = (id: string, payload: string, continueAfterFailure = false): SessionCommand => ({
    topic: 't',
    mode: 'all_or_nothing',
    events: [{ id, payload: Buffer.from(payload) }],
    continueAfterFailure,
  });
  const session = bus.publisher.openStream();
  const publish = async (...batches: SessionCommand[]) =>
    (await Promise.all(together(session, batches))).map((outcome) =>
      outcome instanceof BusError
        ? outcome.reason
        : outcome.map((result) => result.status === 'stored' && result.offset),
    );
  // The window is read first.
  expect(await publish(one('a', '0'))).toEqual([[0]]);
  expect(await publish(one('b', '1'), one('b', '2'), one('b', '1'), one('c', '3'))).toEqual([
    [1],
    'EVENT_ID_REUSED',
    'STREAM_HALTED',
    'STREAM_HALTED',
  ]);
  expect(await publish(one('d', '4'), one('e', '5', true), one('a', '6'), one('f', '7'))).toEqual([
    'STREAM_HALTED',
    [2],
    'EVENT_ID_REUSED',
    'STREAM_HALTED',
  ]);
  expect(await stored(bus, 't')).toEqual(['0', '1', '5']);
});

test('an event without an id is known to be stored, though it cannot be seen whether the one beside it was there before', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  const one = (payload: string, id?: string): SessionCommand => ({
    topic: 't',
    mode: 'all_or_nothing',
    events: [{ id, payload: Buffer.from(payload) }],
    continueAfterFailure: false,
  });
  const session = bus.publisher.openStream();
  await Promise.all(together(session, [one('0', 'a')]));
  // Somebody else's, which has to be read.
  await bus.log.append('t', 0, [{ key: null, value: Buffer.from('1'), headers: [] }], () => true);
  const { read } = bus.log;
  bus.log.read = () => Promise.reject(new BusError('LOG_UNAVAILABLE', 'the broker is away'));
  const outcomes = await Promise.all(together(session, [one('2'), one('3', 'b'), one('4')]));
  bus.log.read = read;
  expect(outcomes).toMatchObject([
    [{ status: 'stored', offset: 2 }],
    { reason: 'STORE_OUTCOME_UNKNOWN' },
    [{ status: 'stored', offset: 4 }],
  ]);
  expect(await stored(bus, 't')).toEqual(['0', '1', '2', '3', '4']);
});

test('a batch that cannot be read halts a stream as one that fails', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  const batch = (payload: string | undefined, continueAfterFailure = false) =>
    toBinary(
      PublishStreamRequestSchema,
      create(PublishStreamRequestSchema, {
        topic: 't',
        events: [payload === undefined ? {} : { payload: { case: 'jsonBytes', value: Buffer.from(payload) } }],
        continueAfterFailure,
      }),
    );
  async function* requests() {
    yield [batch('0'), batch(undefined), batch('1'), batch('2', true)];
  }
  // Of the context only the signal and the deadline are looked at.
  const context = { signal: never, timeoutMs: (): number | undefined => undefined } as HandlerContext;
  const answers: unknown[] = [];
  for await (const list of publishStream(bus.publisher, requests(), wireForm, context, unheard)) {
    for (const answer of list) answers.push(fromBinary(PublishStreamResponseSchema, answer).failure?.reason);
  }
  expect(answers).toEqual([undefined, 'INVALID_REQUEST', 'STREAM_HALTED', undefined]);
  expect(await stored(bus, 't')).toEqual(['0', '2']);
});

test('nothing that comes together overtakes a failure, and what is answered as stored is what is stored', async () => {
  await using bus = await openBus();
  let run = 0;
  const one = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    // Each payload is another one: an id that comes again is refused.
    id: fc.option(fc.constantFrom('i', 'j', 'k', 'l', 'm', 'n', 'o'), { nil: undefined }),
    // By number, a version is looked up: what comes behind waits.
    schemaVersion: fc.constantFrom(undefined, undefined, undefined, 1),
    continueAfterFailure: fc.boolean(),
  });
  const lists = fc.array(fc.array(one, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(lists, fc.infiniteStream(fc.boolean()), async (sent, failing) => {
      const topic = `f${++run}`;
      await bus.topics.create({
        name: topic,
        settings: { partitions: 3 },
        schema: 'true',
        allowAnything: true,
        adopt: false,
      });
      bus.log.before = async () => {
        await new Promise(setImmediate);
        if (failing.next().value) throw new BusError('LOG_UNAVAILABLE', 'the broker is away');
      };
      const session = bus.publisher.openStream();
      const all = sent.flat();
      const outcomes: Promise<Outcome>[] = [];
      for (const list of sent) {
        const commands = list.map(({ key, id, schemaVersion, continueAfterFailure }, i) => {
          const payload = Buffer.from(String(outcomes.length + i));
          return {
            topic,
            mode: 'all_or_nothing',
            events: [{ key: Buffer.from(key), id, payload }],
            schemaVersion,
            continueAfterFailure,
          } as const;
        });
        outcomes.push(...together(session, commands));
        await new Promise(setImmediate);
      }
      const isStored = (await Promise.all(outcomes)).map((outcome) => !(outcome instanceof BusError));
      bus.log.before = undefined;
      const logs = await Promise.all(
        [0, 1, 2].map(async (partition) => (await stored(bus, topic, partition)).map(Number)),
      );
      for (const log of logs) expect(log).toEqual(log.toSorted((a, b) => a - b));
      expect(new Set(logs.flat())).toEqual(new Set([...all.keys()].filter((i) => isStored[i])));
      all.forEach(({ key }, failed) => {
        if (isStored[failed]) return;
        const goesOn = all.findIndex(({ continueAfterFailure }, i) => i > failed && continueAfterFailure);
        const until = goesOn < 0 ? all.length : goesOn;
        for (let i = failed + 1; i < until; i++) if (all[i]?.key === key) expect(isStored[i]).toBe(false);
      });
    }),
    { numRuns: 40 },
  );
});

test('a stream that is cancelled takes back what is queued, and its room in the buffer', async () => {
  await using bus = await openBus({ topicBufferBytes: 10_000 });
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  bus.log.before = () => opened;
  const large = (letter: string) =>
    ({
      topic: 't',
      mode: 'all_or_nothing',
      events: [{ payload: Buffer.from(JSON.stringify(letter.repeat(2_000))) }],
      continueAfterFailure: false,
    }) as const;
  const abort = new AbortController();
  const session = bus.publisher.openStream();
  const first = together(session, [large('a')], unheard, abort.signal);
  const queued = together(session, [large('b'), large('c')], unheard, abort.signal);
  abort.abort();
  const reasons = (await Promise.all([...first, ...queued])).map(
    (outcome) => outcome instanceof BusError && outcome.reason,
  );
  expect(reasons).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED']);
  open();
  const other = bus.publisher.openStream();
  await Promise.all(together(other, [large('d')]));
  const rest = await Promise.all(together(other, [large('e'), large('f'), large('g'), large('h')]));
  expect(rest.map((outcome) => outcome instanceof BusError)).toEqual([false, false, false, false]);
  expect((await stored(bus, 't')).map((text) => text[1])).toEqual(['a', 'd', 'e', 'f', 'g', 'h']);
});
