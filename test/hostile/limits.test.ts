import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventInput } from '../../src/client/index.js';
import { peakGrowth } from '../support/process-memory.js';
import { type HostileBus, post, refusal, startBus } from './bus.js';

const KiB = 1024;
const MiB = 1024 * KiB;

let bus: HostileBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.dispose());

const one: EventInput = { payload: '1' };
const many = (count: number) => Array.from({ length: count }, () => one);
const text = (bytes: number) => 'x'.repeat(bytes);
const attributes = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, 'v']));
const headers = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, i) => [`h${i}`, Buffer.alloc(bytes)] as const);

test('at each limit an event goes in; a step over it is refused, with the field and the limit in the message', async () => {
  const limits: [string, string, EventInput, EventInput, RegExp][] = [
    [
      'key',
      'EVENT_TOO_LARGE',
      { key: text(64 * KiB) },
      { key: text(64 * KiB + 1) },
      /key has 65537 bytes; at most 65536/,
    ],
    // Two bytes a character: bytes count.
    [
      'key',
      'EVENT_TOO_LARGE',
      { key: 'é'.repeat(32 * KiB) },
      { key: `é${'é'.repeat(32 * KiB)}` },
      /key has 65538 bytes/,
    ],
    ['id', 'INVALID_REQUEST', { id: text(KiB) }, { id: text(KiB + 1) }, /id has 1025 bytes; at most 1024/],
    ['subject', 'INVALID_REQUEST', { subject: text(KiB) }, { subject: text(KiB + 1) }, /subject has 1025 bytes/],
    [
      'attributes',
      'INVALID_REQUEST',
      { attributes: attributes(64) },
      { attributes: attributes(65) },
      /65 attributes; at most 64/,
    ],
    ['headers', 'INVALID_REQUEST', { headers: headers(64, 1) }, { headers: headers(65, 1) }, /65 headers; at most 64/],
    [
      'header bytes',
      'INVALID_REQUEST',
      { headers: headers(1, 64 * KiB - 2) },
      { headers: headers(1, 64 * KiB - 1) },
      /65537 bytes of attributes and headers; at most 65536/,
    ],
  ];
  for (const [what, reason, within, beyond, says] of limits) {
    const results = await bus.client.publish({ topic: 'events', events: [{ ...one, ...within }] });
    expect(results, what).toHaveLength(1);
    const error = await refusal(bus.client.publish({ topic: 'events', events: [one, { ...one, ...beyond }] }));
    expect(error, what).toMatchObject({ code: 'invalid_argument', reason, violations: [{ event: 1 }] });
    expect(error.message).toMatch(says);
    expect(error.message).toMatch(/^event 1: /);
  }
  expect(await bus.stored()).toHaveLength(limits.length);
});

test('calls: no event, one event too many, one byte too many, more than can be read', async () => {
  const before = await bus.stored();
  expect(await refusal(bus.client.publish({ topic: 'events', events: [] }))).toMatchObject({
    reason: 'INVALID_REQUEST',
    message: expect.stringMatching(/events is empty/),
  });
  expect(await refusal(bus.client.publish({ topic: 'events', events: many(10_001) }))).toMatchObject({
    reason: 'BATCH_TOO_LARGE',
    message: expect.stringMatching(/10001 events; a call may bring 10000/),
  });
  const large = `"${text(MiB - 2)}"`;
  expect(
    await refusal(
      bus.client.publish({ topic: 'events', events: Array.from({ length: 9 }, () => ({ payload: large })) }),
    ),
  ).toMatchObject({ reason: 'BATCH_TOO_LARGE', message: expect.stringMatching(/a call may bring 8388608/) });
  for (const protocol of ['connect', 'grpc', 'grpc-web'] as const) {
    const events = Array.from({ length: 17 }, () => ({ payload: large }));
    const error = await refusal(bus.over(protocol).publish({ topic: 'events', events }));
    expect(error, protocol).toMatchObject({
      reason: 'REQUEST_TOO_LARGE',
      code: 'resource_exhausted',
      retryable: false,
    });
  }
  expect(await bus.stored()).toEqual(before);
  await bus.client.publish({ topic: 'events', events: many(10_000) });
  expect(await bus.stored()).toHaveLength(before.length + 10_000);
});

test('calls of the largest size, several at a time on one connection, all go in or are told to wait', async () => {
  const before = await bus.stored();
  const events = Array.from({ length: 8 }, () => ({ payload: `"${text(MiB - 2)}"` }));
  const calls = Array.from({ length: 6 }, () => bus.client.publish({ topic: 'events', events }));
  const results = await Promise.all(
    calls.map((call) =>
      call.then(
        () => 'stored',
        (error: unknown) => refusal(Promise.reject(error)),
      ),
    ),
  );
  const stored = results.filter((result) => result === 'stored');
  for (const result of results) {
    if (result !== 'stored') expect(result).toMatchObject({ reason: 'OVERLOADED', retryable: true });
  }
  expect(stored.length).toBeGreaterThan(0);
  expect(await bus.stored()).toHaveLength(before.length + 8 * stored.length);
});

test('gzip bombs and what is no gzip are refused; however many come, memory stays flat', async () => {
  const bomb = (bytes: number) => Buffer.concat([gzipSync(Buffer.alloc(bytes, '{"topic":"'))]);
  const [large, huge] = [bomb(20 * MiB), bomb(400 * MiB)];
  const gzip = { 'content-encoding': 'gzip' };
  const send = (body: Buffer<ArrayBuffer>, more = {}) =>
    post(bus.address, 'PublishService/Publish', body, { ...gzip, ...more });
  for (const body of [large, huge]) {
    expect(await send(body)).toMatchObject({ status: 429, code: 'resource_exhausted', reason: 'REQUEST_TOO_LARGE' });
  }
  expect(await send(Buffer.from('no gzip at all'))).toMatchObject({
    code: 'invalid_argument',
    reason: 'INVALID_REQUEST',
  });
  expect(await send(large.subarray(0, 5_000))).toMatchObject({ code: 'invalid_argument', reason: 'INVALID_REQUEST' });
  expect(await send(large, { 'content-encoding': 'zstd' })).toMatchObject({
    code: 'unimplemented',
    reason: 'UNIMPLEMENTED',
  });
  const abuse = async (times: number) => {
    for (let i = 0; i < times; i++) await Promise.all([large, huge, large, huge].map((body) => send(body)));
  };
  await abuse(5);
  expect(await peakGrowth(bus.server.pid, () => abuse(15))).toBeLessThan(500);
  await bus.check();
});

test('a stream whose messages are bad answers each of them and goes on', async () => {
  const topic = 'events';
  async function* batches() {
    yield { topic, events: [one] };
    yield { topic: 'no-such-topic', events: [one], continueAfterFailure: true };
    yield { topic, events: [{ payload: '{' }], continueAfterFailure: true };
    yield { topic, events: [one], continueAfterFailure: true };
    yield { topic: '../..', events: [one], continueAfterFailure: true };
    yield { topic, events: [], continueAfterFailure: true };
    yield { topic, events: [one], continueAfterFailure: true };
  }
  const before = await bus.stored();
  for (const protocol of ['connect', 'grpc'] as const) {
    const reasons: string[] = [];
    for await (const { failure } of bus.over(protocol).publishBatches(batches())) reasons.push(failure?.reason ?? 'ok');
    expect(reasons).toEqual([
      'ok',
      'TOPIC_NOT_FOUND',
      'PAYLOAD_NOT_JSON',
      'ok',
      'TOPIC_NAME_INVALID',
      'INVALID_REQUEST',
      'ok',
    ]);
  }
  expect(await bus.stored()).toHaveLength(before.length + 6);
});

test('a message over the limit on a stream ends it with a clear error, and does not hang the client', async () => {
  const huge = Array.from({ length: 17 }, () => ({ payload: `"${text(MiB - 2)}"` }));
  for (const protocol of ['connect', 'grpc'] as const) {
    async function* batches() {
      yield { topic: 'events', events: huge };
      yield { topic: 'events', events: huge };
    }
    const read = async () => {
      for await (const _ of bus.over(protocol).publishBatches(batches())) throw new Error('answered');
    };
    expect(await refusal(read()), protocol).toMatchObject({ code: 'resource_exhausted', reason: 'REQUEST_TOO_LARGE' });
  }
  await bus.check();
});
