import { Buffer } from 'node:buffer';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { expect, onTestFinished, test } from 'vitest';
import { answerBefore } from '../../src/core/deadline.js';
import { BusError } from '../../src/core/errors.js';
import type { EventResult } from '../../src/core/publish/command.js';
import { PublishService } from '../../src/gen/mainstem/v1/publish_pb.js';
import { SubscribeService } from '../../src/gen/mainstem/v1/subscribe_pb.js';
import { openStream } from '../support/frames.js';
import { openHttpBus } from '../support/http-bus.js';
import { openBus, type TestBus } from '../support/open-bus.js';

const never = new AbortController().signal;

async function open(limits: Parameters<typeof openBus>[0] = {}): Promise<TestBus> {
  const bus = await openBus(limits);
  onTestFinished(() => bus[Symbol.asyncDispose]());
  await bus.topics.create({ name: 't', settings: { schemaless: true, partitions: 1 }, adopt: false });
  return bus;
}

/** Appends wait until they are let through, or fail with what they are told. */
function gate(bus: TestBus) {
  const waiting: { patienceMs: number | undefined; go(): void; fail(error: unknown): void }[] = [];
  const listeners: (() => void)[] = [];
  bus.log.before = (_partition, _records, patienceMs) =>
    new Promise((resolve, reject) => {
      waiting.push({ patienceMs, go: resolve, fail: reject });
      for (const listener of listeners.splice(0)) listener();
    });
  return {
    waiting,
    async next() {
      if (waiting.length === 0) await new Promise<void>((resolve) => listeners.push(resolve));
      const [first] = waiting.splice(0, 1);
      if (first === undefined) throw new Error('nothing waits');
      return first;
    },
  };
}

const command = (text: string, count = 1) => ({
  topic: 't',
  mode: 'all_or_nothing' as const,
  events: Array.from({ length: count }, () => ({ payload: Buffer.from(`"${text}"`) })),
});
const jsonEvent = (text: string) => ({ payload: { case: 'jsonBytes' as const, value: Buffer.from(text) } });
const outcome = (results: Promise<readonly EventResult[]>) =>
  results.then(
    (all) => all.map(({ status }) => status),
    (error: unknown) => BusError.from(error).reason,
  );
async function stored(bus: TestBus): Promise<string[]> {
  const read = await bus.log.read('t', 0, 0, 1_000_000);
  return read.outcome === 'ok' ? read.records.map(({ value }) => JSON.parse(Buffer.from(value ?? []).toString())) : [];
}

test('a call with a deadline is answered before it: on its way is unknown, queued is never stored', async () => {
  const bus = await open();
  const log = gate(bus);
  const began = performance.now();
  const publish = (text: string, timeoutMs: number | undefined) =>
    outcome(bus.publisher.publish(command(text), answerBefore(never, timeoutMs)));
  const onItsWay = publish('on its way', 600);
  const first = await log.next();
  expect(first.patienceMs).toBeGreaterThan(200);
  expect(first.patienceMs).toBeLessThanOrEqual(350);
  const queued = publish('queued', 500);
  const patient = publish('patient', undefined);
  expect(await queued).toBe('LOG_UNAVAILABLE');
  expect(await onItsWay).toBe('STORE_OUTCOME_UNKNOWN');
  expect(performance.now() - began).toBeLessThan(600);
  first.go();
  const second = await log.next();
  // Nobody has a deadline any more.
  expect(second.patienceMs).toBe(15_000);
  second.go();
  expect(await patient).toEqual(['stored']);
  expect(await stored(bus)).toEqual(['on its way', 'patient']);
});

test('a batch is tried for as long as the most patient of its calls waits', async () => {
  const bus = await open({ appendTimeoutMs: 5_000 });
  const log = gate(bus);
  const publish = (timeoutMs: number | undefined) =>
    outcome(bus.publisher.publish(command('x'), answerBefore(never, timeoutMs)));
  const calls = [publish(undefined)];
  const alone = await log.next();
  expect(alone.patienceMs).toBe(5_000);
  calls.push(publish(2_000), publish(4_000));
  alone.go();
  const both = await log.next();
  expect(both.patienceMs).toBeGreaterThan(3_500);
  expect(both.patienceMs).toBeLessThanOrEqual(3_750);
  calls.push(publish(60_000), publish(2_000));
  both.go();
  const last = await log.next();
  expect(last.patienceMs).toBe(5_000);
  last.go();
  expect(await Promise.all(calls)).toEqual(calls.map(() => ['stored']));
});

test('calls that wait for a partition fail with it, together, and nothing of them is stored', async () => {
  const bus = await open({ appendTimeoutMs: 300 });
  const log = gate(bus);
  const first = outcome(bus.publisher.publish(command('first'), never));
  const trying = await log.next();
  // More than fits one batch.
  const waiting = ['a', 'b', 'c'].map((text) => outcome(bus.publisher.publish(command(text, 4_000), never)));
  const session = bus.publisher.openStream();
  const streamed = new Promise((resolve) => {
    session.add(
      { ...command('d'), continueAfterFailure: false },
      { warned: () => undefined, answered: resolve, failed: (error) => resolve(BusError.from(error).reason) },
      never,
    );
    session.flush();
  });
  await new Promise((resolve) => setTimeout(resolve, 310));
  trying.fail(new BusError('STORE_OUTCOME_UNKNOWN', 'no answer'));
  expect(await first).toBe('STORE_OUTCOME_UNKNOWN');
  expect(await Promise.all([...waiting, streamed])).toEqual(Array.from({ length: 4 }, () => 'LOG_UNAVAILABLE'));
  // None of it had to be tried for that; and what comes now is.
  expect(log.waiting).toEqual([]);
  const next = outcome(bus.publisher.publish(command('next'), never));
  (await log.next()).go();
  expect(await next).toEqual(['stored']);
  expect(await stored(bus)).toEqual(['next']);
});

test('a batch that fails at once, or for its own short deadline, fails nobody else', async () => {
  const bus = await open({ appendTimeoutMs: 300 });
  const log = gate(bus);
  const publish = (timeoutMs?: number) => outcome(bus.publisher.publish(command('x'), answerBefore(never, timeoutMs)));
  const hasty = publish(200);
  const short = await log.next();
  const behind = publish();
  expect(await hasty).toBe('STORE_OUTCOME_UNKNOWN');
  short.fail(new BusError('STORE_OUTCOME_UNKNOWN', 'no answer in 100 ms'));
  const whole = await log.next();
  const last = publish();
  whole.fail(new BusError('LOG_UNAVAILABLE', 'refused'));
  expect(await behind).toBe('LOG_UNAVAILABLE');
  (await log.next()).go();
  expect(await last).toEqual(['stored']);
});

test('a client that gives a deadline gets the typed answer, unary and on a stream', async () => {
  const bus = await openHttpBus();
  onTestFinished(async () => {
    await bus.listener.close({ graceMs: 0 });
    await bus[Symbol.asyncDispose]();
  });
  await bus.topics.create({ name: 't', settings: { schemaless: true, partitions: 1 }, adopt: false });
  const log = gate(bus);
  const client = createClient(PublishService, createGrpcTransport({ baseUrl: bus.url }));
  const unary = client.publish({ topic: 't', events: [jsonEvent('1')] }, { timeoutMs: 1_000 });
  const trying = await log.next();
  await expect(unary).rejects.toThrow(/may be stored/);
  trying.go();
  async function* batches() {
    yield { topic: 't', events: [jsonEvent('2')] };
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
  const answers = client.publishStream(batches(), { timeoutMs: 1_000 })[Symbol.asyncIterator]();
  const { value } = await answers.next();
  expect(value?.failure).toMatchObject({ reason: 'STORE_OUTCOME_UNKNOWN', retryable: true });
  for (const waiting of log.waiting) waiting.go();
  await answers.return?.().catch(() => undefined);
});

test('a commit is answered within 5 s, and before its deadline, while coordination is silent', async () => {
  const bus = await openHttpBus();
  onTestFinished(async () => {
    await bus.listener.close({ graceMs: 0 });
    await bus[Symbol.asyncDispose]();
  });
  await bus.topics.create({ name: 't', settings: { schemaless: true, partitions: 1 }, adopt: false });
  await bus.publisher.publish(command('x'), never);
  const stream = openStream(bus.subscriptions, { topic: 't', subscriber: 's', from: { at: 'earliest' } });
  const { generation } = (await stream.expect('ready')).assignment;
  const { cursor } = await stream.expect('events');
  bus.coordination.isSilent = true;
  const client = createClient(SubscribeService, createGrpcTransport({ baseUrl: bus.url }));
  const began = performance.now();
  const commit = { subscriber: 's', cursor, generation: BigInt(generation ?? 0) };
  await expect(client.commit(commit, { timeoutMs: 700 })).rejects.toThrow(/may have happened: commit again/);
  expect(performance.now() - began).toBeLessThan(700);
  await expect(client.commit(commit)).rejects.toThrow(/may have happened: commit again/);
  expect(performance.now() - began).toBeLessThan(6_500);
}, 20_000);
