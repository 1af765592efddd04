import { Buffer } from 'node:buffer';
import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import { recordBytes } from '../../src/core/model.js';
import type { EventResult } from '../../src/core/publish/command.js';
import type { Delivery, Frame } from '../../src/core/subscribe/frames.js';
import { PublishResponseSchema } from '../../src/gen/mainstem/v1/publish_pb.js';
import { EventsSchema, SubscribeResponseSchema } from '../../src/gen/mainstem/v1/subscribe_pb.js';
import { giveBack, takeBlock } from '../../src/transports/connect/frame-blocks.js';
import { toResponse } from '../../src/transports/connect/frame-mapper.js';
import { encodingOf } from '../../src/transports/connect/lane/envelope.js';
import { toRecord } from '../../src/transports/connect/record-mapper.js';
import { encodeResults, toResult } from '../../src/transports/connect/result-mapper.js';

const bytes = fc.uint8Array({ maxLength: 300 });
const text = fc.string({ unit: 'binary', maxLength: 60 });
const header = fc.oneof(
  fc.tuple(
    fc.constantFrom('ce_id', 'ce_source', 'ce_type', 'ce_subject', 'ce_time', 'ce_traceparent', 'ce___proto__'),
    text,
  ),
  fc.tuple(fc.constantFrom('mainstem_id', 'mainstem_schema', 'mainstem_redriven', 'x-other', ''), text),
  fc
    .record({
      topic: fc.string({ unit: 'grapheme' }),
      incarnation: fc.string(),
      partition: fc.integer(),
      offset: fc.maxSafeInteger(),
      time: fc.nat(),
      reason: fc.string({ unit: 'binary' }),
      attempts: fc.oneof(fc.nat(), fc.maxSafeNat()),
    })
    .map((redriven) => ['mainstem_redriven', JSON.stringify(redriven)] as const),
);
const delivery: fc.Arbitrary<Delivery> = fc.record({
  partition: fc.nat(1000),
  kind: fc.constantFrom('json', 'not_json', 'tombstone', 'none'),
  schemaVersion: fc.option(fc.nat(5000), { nil: undefined }),
  // Only an estimate for the encoder: any will do.
  bytes: fc.constantFrom(0, 100, 300, 100_000),
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

/** What the lane writes, without the envelope, which has to be right. */
function laneBytes(frame: Frame): Buffer {
  const bytes = Buffer.concat(encodingOf(toResponse(frame, 'pieces'))?.pieces ?? []);
  expect([bytes[0], bytes.readUInt32BE(1)]).toEqual([0, bytes.length - 5]);
  return bytes.subarray(5);
}

test('a hand-encoded frame is, byte for byte, what the generated code writes, also of records that were sent before', () => {
  const frames = fc.tuple(fc.array(delivery, { maxLength: 8 }), fc.array(fc.boolean()), fc.string({ minLength: 1 }));
  fc.assert(
    fc.property(frames, ([deliveries, before, cursor]) => {
      const some = deliveries.filter((_, i) => before[i]);
      for (const sent of [some, deliveries, some]) {
        const frame = { kind: 'events', topic: 'people', incarnation: 'life-1', deliveries: sent, cursor } as const;
        const general = toBinary(SubscribeResponseSchema, toResponse(frame, 'json'));
        const encoded = toBinary(SubscribeResponseSchema, toResponse(frame, 'binary'));
        const again = toBinary(SubscribeResponseSchema, toResponse(frame, 'binary'));
        expect(Buffer.compare(encoded, general)).toBe(0);
        expect(Buffer.compare(again, encoded)).toBe(0);
        expect(Buffer.compare(laneBytes(frame), general)).toBe(0);
        expect(Buffer.compare(laneBytes({ ...frame, lent: true }), general)).toBe(0);
        expect(fromBinary(SubscribeResponseSchema, encoded).frame.case).toBe('events');
      }
    }),
    { numRuns: 200 },
  );
});

function deliveryAt(offset: number): Delivery {
  const value = Buffer.from(`{"n":${offset}}`);
  const record = { offset, timestamp: 1_700_000_000_123, key: null, value, headers: [] };
  return { partition: offset % 2, kind: 'json', schemaVersion: 1, bytes: 80, record };
}

test('a record is encoded once, however many streams send it', () => {
  const shared = deliveryAt(7);
  const send = (cursor: string) =>
    toResponse({ kind: 'events', topic: 't', incarnation: 'i', deliveries: [shared], cursor }, 'binary');
  send('a');
  const { wire } = shared;
  send('b');
  expect(wire).toBeDefined();
  expect(shared.wire).toBe(wire);
  // What is kept is a whole entry of Events.records.
  const entry = wire?.bytes.subarray(wire.from, wire.to);
  expect(fromBinary(EventsSchema, entry ?? new Uint8Array()).records).toEqual([toRecord(shared)]);
});

test('records that are encoded together take up no more than 64 KiB and one record', () => {
  const value = Buffer.alloc(10_000, 0x20);
  const deliveries = Array.from({ length: 100 }, (_, i): Delivery => {
    const one = deliveryAt(i);
    const record = { ...one.record, value };
    return { ...one, record, bytes: recordBytes(record) };
  });
  toResponse({ kind: 'events', topic: 't', incarnation: 'i', deliveries, cursor: 'c' }, 'pieces');
  const lengths = deliveries.map(({ wire }) => wire?.bytes.buffer.byteLength ?? 0);
  expect(Math.max(...lengths)).toBeLessThan(64 * 1024 + 11_000);
  expect(new Set(deliveries.map(({ wire }) => wire?.bytes)).size).toBeGreaterThan(10);
});

test('streams share a frame only where it is the same in every record', () => {
  const [first, middle, other, last] = [deliveryAt(1), deliveryAt(2), deliveryAt(3), deliveryAt(4)];
  const send = (deliveries: Delivery[], cursor = 'c') =>
    toResponse({ kind: 'events', topic: 't', incarnation: 'i', deliveries, cursor }, 'pieces');
  const sent = send([first, middle, last]);
  const bytes = encodingOf(sent);
  expect(send([first, middle, last])).toBe(sent);
  expect(encodingOf(send([first, other, last]))).not.toEqual(bytes);
  expect(encodingOf(send([first, middle, last], 'd'))).not.toEqual(bytes);
  expect(encodingOf(send([first, middle, last]))).toEqual(bytes);
});

test('JSON shows what is zero', () => {
  const record = { offset: 0, timestamp: 0, key: Buffer.alloc(0), value: null, headers: [] };
  const shown = toJson(
    SubscribeResponseSchema,
    toResponse(
      {
        kind: 'events',
        topic: 't',
        incarnation: 'i',
        deliveries: [{ partition: 0, kind: 'tombstone', schemaVersion: undefined, bytes: 0, record }],
        cursor: 'c',
      },
      'json',
    ),
  );
  expect(shown).toEqual({
    events: {
      topic: 't',
      incarnation: 'i',
      cursor: 'c',
      records: [{ partition: 0, offset: '0', time: '1970-01-01T00:00:00Z', key: '', kind: 'PAYLOAD_KIND_TOMBSTONE' }],
    },
  });
});

test('hand-encoded results say what the generated code would', () => {
  const error = new BusError('SCHEMA_VIOLATION', 'event 1: no', {
    violations: [{ event: 1, pointer: '/age', rule: 'minimum', message: 'must be >= 0' }],
  });
  const places = fc.record({
    partition: fc.constantFrom(0, 1, 999),
    offset: fc.oneof(fc.nat(200), fc.maxSafeNat()),
    // Few, so that neighbours share them.
    timestamp: fc.constantFrom(0, 1_700_000_000_000, 1_700_000_000_001),
    schemaVersion: fc.constantFrom(undefined, 1, 300),
  });
  const stored = fc
    .tuple(places, fc.boolean())
    .map(
      ([place, again]): EventResult => ({ status: 'stored', ...place, ...(again ? { duplicate: true as const } : {}) }),
    );
  const rejected = fc.constant<EventResult>({ status: 'rejected', error });
  fc.assert(
    fc.property(fc.array(fc.oneof({ arbitrary: stored, weight: 5 }, rejected), { minLength: 1 }), (results) => {
      const $unknown = encodeResults(1, results);
      expect($unknown[0]).toMatchObject({ no: 1, wireType: WireType.LengthDelimited });
      const encoded = toBinary(PublishResponseSchema, { ...create(PublishResponseSchema), $unknown });
      expect(fromBinary(PublishResponseSchema, encoded).results).toEqual(results.map(toResult));
    }),
  );
  expect(encodeResults(1, [])).toEqual([]);
});

test('a small frame that is lent holds no block while it waits to be sent', () => {
  const deliveries = [
    {
      partition: 0,
      kind: 'json' as const,
      schemaVersion: undefined,
      bytes: 65,
      record: { offset: 0, timestamp: 0, key: null, value: Buffer.from('1'), headers: [] },
    },
  ];
  const block = takeBlock();
  giveBack([block]);
  toResponse({ kind: 'events', topic: 't', incarnation: 'i', deliveries, cursor: 'c', lent: true }, 'pieces');
  expect(takeBlock()).toBe(block);
});
