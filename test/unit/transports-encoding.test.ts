import { Buffer } from 'node:buffer';
import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import type { EventResult } from '../../src/core/publish/command.js';
import type { Delivery } from '../../src/core/subscribe/frames.js';
import { PublishResponseSchema } from '../../src/gen/mainstem/v1/publish_pb.js';
import { EventsSchema, SubscribeResponseSchema } from '../../src/gen/mainstem/v1/subscribe_pb.js';
import { toResponse } from '../../src/transports/connect/frame-mapper.js';
import { toRecord } from '../../src/transports/connect/record-mapper.js';
import { encodeResults, toResult } from '../../src/transports/connect/result-mapper.js';

const bytes = fc.uint8Array({ maxLength: 300 });
const text = fc.string({ unit: 'binary', maxLength: 60 });
const header = fc.oneof(
  fc.tuple(
    fc.constantFrom('ce_id', 'ce_source', 'ce_type', 'ce_subject', 'ce_time', 'ce_traceparent', 'ce___proto__'),
    text,
  ),
  fc.tuple(fc.constantFrom('mainstem_id', 'mainstem_schema', 'x-other', ''), text),
);
const delivery: fc.Arbitrary<Delivery> = fc.record({
  partition: fc.nat(1000),
  kind: fc.constantFrom('json', 'not_json', 'tombstone'),
  schemaVersion: fc.option(fc.nat(5000), { nil: undefined }),
  bytes: fc.constant(0),
  record: fc.record({
    offset: fc.maxSafeNat(),
    timestamp: fc.oneof(fc.nat(), fc.integer({ min: -10_000, max: 4_102_444_800_000 })),
    key: fc.option(bytes),
    value: fc.option(fc.oneof(bytes, fc.constant(new Uint8Array(200_000).fill(0x20)))),
    headers: fc.array(
      header.map(([name, value]) => [name, Buffer.from(value)] as const),
      { maxLength: 6 },
    ),
  }),
});

test('a hand-encoded frame is, byte for byte, what the generated code writes', () => {
  fc.assert(
    fc.property(fc.array(delivery, { maxLength: 4 }), fc.string({ minLength: 1 }), (deliveries, cursor) => {
      const frame = { kind: 'events', topic: 'people', deliveries, cursor } as const;
      const general = toBinary(SubscribeResponseSchema, toResponse(frame, false));
      const encoded = toBinary(SubscribeResponseSchema, toResponse(frame, true));
      const again = toBinary(SubscribeResponseSchema, toResponse(frame, true));
      expect(Buffer.compare(encoded, general)).toBe(0);
      expect(Buffer.compare(again, encoded)).toBe(0);
      expect(fromBinary(SubscribeResponseSchema, encoded).frame.case).toBe('events');
    }),
    { numRuns: 200 },
  );
});

test('a record is encoded once, however many streams send it', () => {
  const record = { offset: 7, timestamp: 1_700_000_000_123, key: null, value: Buffer.from('{"a":1}'), headers: [] };
  const shared: Delivery = { partition: 0, kind: 'json', schemaVersion: 1, bytes: 80, record };
  const send = (cursor: string) => toResponse({ kind: 'events', topic: 't', deliveries: [shared], cursor }, true);
  send('a');
  const { wire } = shared;
  send('b');
  expect(wire).toBeDefined();
  expect(shared.wire).toBe(wire);
  // What is kept is a whole entry of Events.records.
  expect(fromBinary(EventsSchema, wire ?? new Uint8Array()).records).toEqual([toRecord(shared)]);
});

test('streams share a frame only where it is the same in every record', () => {
  const at = (offset: number): Delivery => {
    const value = Buffer.from(`{"n":${offset}}`);
    const record = { offset, timestamp: 1_700_000_000_123, key: null, value, headers: [] };
    return { partition: offset % 2, kind: 'json', schemaVersion: 1, bytes: 80, record };
  };
  const [first, middle, other, last] = [at(1), at(2), at(3), at(4)];
  const send = (deliveries: Delivery[], cursor = 'c') =>
    toResponse({ kind: 'events', topic: 't', deliveries, cursor }, true).$unknown?.[0]?.data;
  const sent = send([first, middle, last]);
  expect(send([first, middle, last])).toBe(sent);
  expect(send([first, other, last])).not.toEqual(sent);
  expect(send([first, middle, last], 'd')).not.toEqual(sent);
  expect(send([first, middle, last])).toEqual(sent);
});

test('JSON shows what is zero', () => {
  const record = { offset: 0, timestamp: 0, key: Buffer.alloc(0), value: null, headers: [] };
  const shown = toJson(
    SubscribeResponseSchema,
    toResponse(
      {
        kind: 'events',
        topic: 't',
        deliveries: [{ partition: 0, kind: 'tombstone', schemaVersion: undefined, bytes: 0, record }],
        cursor: 'c',
      },
      false,
    ),
  );
  expect(shown).toEqual({
    events: {
      topic: 't',
      cursor: 'c',
      records: [{ partition: 0, offset: '0', time: '1970-01-01T00:00:00Z', key: '', kind: 'PAYLOAD_KIND_TOMBSTONE' }],
    },
  });
});

test('hand-encoded results say what the generated code would', () => {
  const error = new BusError('SCHEMA_VIOLATION', 'event 1: no', {
    violations: [{ event: 1, pointer: '/age', rule: 'minimum', message: 'must be >= 0' }],
  });
  const results: EventResult[] = [
    { status: 'stored', partition: 0, offset: 0, timestamp: 1_700_000_000_001, schemaVersion: undefined },
    { status: 'rejected', error },
    { status: 'stored', partition: 999, offset: 2 ** 53 - 1, timestamp: 0, schemaVersion: 3 },
  ];
  const $unknown = encodeResults(1, results);
  expect($unknown[0]).toMatchObject({ no: 1, wireType: WireType.LengthDelimited });
  const encoded = toBinary(PublishResponseSchema, { ...create(PublishResponseSchema), $unknown });
  expect(fromBinary(PublishResponseSchema, encoded).results).toEqual(results.map(toResult));
  expect(encodeResults(1, [])).toEqual([]);
});
