import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { durationMs, formatBytes, formatDuration, sizeBytes, startFrom } from '../../../src/cli/values.js';
import { asUnknownFields, EventEncoder, pickEvents } from '../../../src/client/encoded-events.js';
import { type EncodedEvents, MainstemError } from '../../../src/client/index.js';
import { PublishRequestSchema } from '../../../src/gen/mainstem/v1/publish_pb.js';

test('durations, sizes and starts are read as people write them', () => {
  expect(['90s', '15m', '1.5h', '7d', 'forever'].map(durationMs)).toEqual([90_000, 900_000, 5_400_000, 604_800_000, 0]);
  expect(['1', '512KiB', '1.5GiB'].map(sizeBytes)).toEqual([1, 524_288, 1_610_612_736]);
  expect([604_800_000, 90_000, 0].map(formatDuration)).toEqual(['7d', '90s', 'forever']);
  expect([10, 1536, 10 * 1024 ** 2].map(formatBytes)).toEqual(['10 B', '1.5 KiB', '10 MiB']);
  expect(startFrom('-15m', 1_000_000)).toEqual({ time: new Date(100_000) });
  expect(startFrom('2026-01-31T09:30:00+02:00')).toEqual({ time: new Date('2026-01-31T07:30:00Z') });
  expect(startFrom('AbC-_9')).toEqual({ cursor: 'AbC-_9' });
  for (const text of ['now', 'beginning', '0', '1700000000000'])
    expect(() => startFrom(text)).toThrow(/It takes earliest .*, latest .*, a time/);
  for (const wrong of ['5', '-5', '1.5', '7 d']) expect(() => durationMs(wrong)).toThrow('a duration such as');
});

test('hand-encoded events are what the codec reads, at every length where a varint grows', () => {
  const payloads = [0, 1, 125, 126, 127, 128, 16_380, 16_384, 2_097_150].map((length) => Buffer.alloc(length, 97));
  for (const key of [undefined, new Uint8Array(0), Buffer.from('k'), Buffer.alloc(200, 98)]) {
    const encoder = new EventEncoder(key);
    for (const payload of payloads)
      encoder.add(Buffer.concat([Buffer.from('xx'), payload, Buffer.from('y')]), 2, payload.length + 2);
    const all = encoder.take();
    const read = (events: EncodedEvents) => {
      const request = create(PublishRequestSchema, { topic: 't' });
      request.$unknown = asUnknownFields(events);
      return fromBinary(PublishRequestSchema, toBinary(PublishRequestSchema, request)).events.map((event) => {
        expect(event.key && Buffer.from(event.key).toString()).toBe(key && Buffer.from(key).toString());
        return event.payload.case === 'jsonBytes' ? event.payload.value.length : -1;
      });
    };
    expect(read(all)).toEqual(payloads.map((payload) => payload.length));
    expect(read(pickEvents(all, [1, 7]))).toEqual([1, 16_384]);
    expect(encoder.take().count).toBe(0);
  }
});

test('MainstemError.from takes anything', () => {
  for (const thrown of [undefined, null, 'text', 7, {}, new Error('x'), new DOMException('gone', 'AbortError')]) {
    expect(MainstemError.from(thrown)).toBeInstanceOf(MainstemError);
  }
  expect(MainstemError.from(new DOMException('gone', 'AbortError')).reason).toBe('CANCELLED');
  const error = new MainstemError({ code: 'not_found', reason: 'TOPIC_NOT_FOUND', message: 'no' });
  expect(MainstemError.from(error)).toBe(error);
});
