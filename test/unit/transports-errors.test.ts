import { Buffer } from 'node:buffer';
import { Code, ConnectError } from '@connectrpc/connect';
import { errorToJsonBytes } from '@connectrpc/connect/protocol-connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BusError, catalogue, type Reason } from '../../src/core/errors.js';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../src/gen/google/rpc/error_details_pb.js';
import { CursorExpiredSchema, PublishOutcomeSchema } from '../../src/gen/mainstem/v1/errors_pb.js';
import { PublishService } from '../../src/gen/mainstem/v1/publish_pb.js';
import { type FailedCall, toConnectError } from '../../src/transports/connect/errors.js';

const call = (protocolName: string, signal = new AbortController().signal): FailedCall => ({
  protocolName,
  signal,
  service: PublishService,
  method: PublishService.method.publish,
});
const never = () => {
  throw new Error('not an internal error');
};

function encodedSize(error: ConnectError, protocol: string): number {
  if (protocol !== 'grpc') return errorToJsonBytes(error, {}).length;
  let bytes = 0;
  for (const [name, value] of setTrailerStatus(new Headers(), error)) bytes += name.length + value.length;
  return bytes;
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 3_000 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  // Lone surrogates.
  fc.array(fc.integer({ min: 0xd7ff, max: 0xe000 }), { maxLength: 40 }).map((units) => String.fromCharCode(...units)),
);
const anyError = fc
  .record({
    reason: fc.constantFrom(...Object.keys(catalogue).filter((reason): reason is Reason => reason !== 'INTERNAL')),
    message: anyText,
    violations: fc.array(
      fc.record({ event: fc.nat(10_000), pointer: anyText, rule: fc.string({ maxLength: 80 }), message: anyText }),
      { maxLength: 50 },
    ),
    metadata: fc.dictionary(fc.string({ maxLength: 70 }), anyText, { maxKeys: 20 }),
    stored: fc.nat(10_000),
    expired: fc.nat(1_000),
    cursorChars: fc.nat(60_000),
    retryAfterMs: fc.option(fc.nat(60_000), { nil: undefined }),
  })
  .map(({ reason, message, stored, expired, cursorChars, retryAfterMs, ...rest }) => {
    const outcome = {
      events: 2 * stored,
      stored: Array.from({ length: stored }, (_, i) => ({ event: 2 * i, partition: i % 7, offset: 2 ** 40 + i })),
      unknown: Array.from({ length: stored }, (_, i) => 2 * i + 1),
    };
    const partitions = Array.from({ length: expired }, (_, partition) => ({
      topic: 'people',
      partition,
      asked: 1,
      first: 2 ** 40,
    }));
    return new BusError(reason, message, {
      ...rest,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(stored > 0 ? { outcome } : {}),
      ...(expired > 0 ? { expired: { partitions, cursor: 'c'.repeat(cursorChars) } } : {}),
    });
  });

test.each([
  ['grpc', 4 * 1024],
  ['grpc-web', 64 * 1024],
  ['connect', 64 * 1024],
])('on %s an error never takes more than %i bytes, and keeps its reason and totals', (protocol, limit) => {
  fc.assert(
    fc.property(anyError, (error) => {
      const sent = toConnectError(error, call(protocol), never);
      expect(encodedSize(sent, protocol)).toBeLessThan(limit);
      const [info] = sent.findDetails(ErrorInfoSchema);
      expect(info).toMatchObject({ reason: error.reason, domain: 'mainstem.dev' });
      for (const name of Object.keys(info?.metadata ?? {})) expect(name).toMatch(/^[a-z][a-zA-Z0-9_-]{1,63}$/);
      const listed = sent.findDetails(BadRequestSchema)[0]?.fieldViolations.length ?? 0;
      if (listed < error.violations.length) {
        expect(info?.metadata).toMatchObject({
          violations_total: String(error.violations.length),
          violations_listed: String(listed),
        });
      }
      const [outcome] = sent.findDetails(PublishOutcomeSchema);
      expect(outcome?.events).toBe(error.outcome?.events);
      if (outcome && outcome.unknown.length < outcome.events / 2) expect(outcome.truncated).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('a refused event reads well, for people and for programs', () => {
  const error = new BusError('SCHEMA_VIOLATION', 'event 0: /age must be >= 0 (minimum)', {
    violations: [{ event: 0, pointer: '/age', rule: 'minimum', message: 'must be >= 0' }],
    metadata: { violations_total: '1', schema_version: '2' },
  });
  const sent = toConnectError(error, call('connect'), never);
  expect(sent).toMatchObject({ code: Code.InvalidArgument, rawMessage: 'event 0: /age must be >= 0 (minimum)' });
  expect(sent.findDetails(BadRequestSchema)[0]?.fieldViolations).toMatchObject([
    { field: 'events[0]/age', description: 'must be >= 0 (minimum)', reason: 'minimum' },
  ]);
  expect(sent.findDetails(ErrorInfoSchema)[0]?.metadata).toEqual({ violations_total: '1', schema_version: '2' });
  expect(sent.findDetails(RetryInfoSchema)).toEqual([]);
});

test('a retry delay, an outcome in runs, and a cursor to go on with are sent as details', () => {
  const stored = [0, 1, 2, 4].map((event) => ({ event, partition: 3, offset: 10 + event }));
  const partial = new BusError('PARTIALLY_STORED', 'half of it', { outcome: { events: 6, stored, unknown: [3] } });
  const sent = toConnectError(partial, call('grpc'), never);
  expect(sent.findDetails(RetryInfoSchema)[0]?.retryDelay).toMatchObject({ seconds: 1n, nanos: 0 });
  expect(sent.findDetails(PublishOutcomeSchema)[0]).toMatchObject({
    stored: [
      { firstEvent: 0, count: 3, partition: 3, firstOffset: 10n },
      { firstEvent: 4, count: 1, partition: 3, firstOffset: 14n },
    ],
    unknown: [3],
    truncated: false,
  });
  const partitions = Array.from({ length: 400 }, (_, partition) => ({ topic: 't', partition, asked: 0, first: 9 }));
  const expired = new BusError('CURSOR_EXPIRED', 'gone', { expired: { partitions, cursor: 'next' } });
  const cut = toConnectError(expired, call('grpc'), never);
  expect(cut.findDetails(CursorExpiredSchema)[0]?.cursor).toBe('next');
  expect(cut.findDetails(ErrorInfoSchema)[0]?.metadata).toEqual({ partitions_total: '400' });
});

test('what went wrong inside goes to the log, not to the caller', () => {
  const heard: unknown[] = [];
  const cause = new Error('password=secret');
  const sent = toConnectError(cause, call('connect'), (error, method) => heard.push(error, method));
  expect(heard).toEqual([cause, 'mainstem.v1.PublishService/Publish']);
  expect(sent.code).toBe(Code.Internal);
  expect(Buffer.from(errorToJsonBytes(sent, {})).toString()).not.toContain('secret');
});

test('a wait cut short is answered as what cut it', () => {
  const aborted = new AbortController();
  const deadline = new ConnectError('the operation timed out', Code.DeadlineExceeded);
  aborted.abort(deadline);
  for (const thrown of [deadline, BusError.from(deadline)]) {
    const sent = toConnectError(thrown, call('grpc', aborted.signal), never);
    expect(sent.code).toBe(Code.DeadlineExceeded);
    expect(sent.findDetails(ErrorInfoSchema)[0]?.reason).toBe('DEADLINE_EXCEEDED');
  }
  const left = AbortSignal.abort();
  for (const thrown of [left.reason, BusError.from(left.reason)]) {
    expect(toConnectError(thrown, call('grpc', left), never).code).toBe(Code.Canceled);
  }
  // An answer of substance that was there already is not hidden by the end of the call.
  expect(toConnectError(new BusError('TOPIC_NOT_FOUND', 'no'), call('grpc', aborted.signal), never).code).toBe(
    Code.NotFound,
  );
});
