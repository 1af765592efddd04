import { Buffer } from 'node:buffer';
import { create } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import type { Delivery, Frame } from '../../core/subscribe/frames.js';
import { type SubscribeResponse, SubscribeResponseSchema } from '../../gen/mainstem/v1/subscribe_pb.js';
import { writeRecord } from './record-encoder.js';
import { toRecord } from './record-mapper.js';
import { bytesTag, varintLength, WireWriter } from './wire-writer.js';

export type EventsFrame = Extract<Frame, { kind: 'events' }>;

/** Number of `events` in SubscribeResponse, and of the fields of Events. */
const eventsField = 2;
const tag = { topic: bytesTag(1), records: bytesTag(2), cursor: bytesTag(3) };

/** One for the process: nothing is kept in it beyond a call. */
const writer = new WireWriter();

/** A record's entry of `Events.records`: made once, and kept with the record for all streams. */
function wireOf(delivery: Delivery): Uint8Array {
  if (delivery.wire === undefined) {
    writeRecord(writer, tag.records, delivery);
    delivery.wire = writer.take();
  }
  return delivery.wire;
}

/**
 * A frame for the binary codecs. The codec writes unknown fields as they are, so the whole `events` field stands there, put together from
 * the records' shared encodings with a single copy; the message's own `frame` stays empty.
 */
export function encodedEventsFrame({ topic, deliveries, cursor }: EventsFrame): SubscribeResponse {
  const entries = deliveries.map(wireOf);
  const topicBytes = Buffer.byteLength(topic);
  const cursorBytes = Buffer.byteLength(cursor);
  let length = 2 + varintLength(topicBytes) + topicBytes + varintLength(cursorBytes) + cursorBytes;
  for (const entry of entries) length += entry.length;

  const data = Buffer.allocUnsafe(varintLength(length) + length);
  let at = putText(data, putVarint(data, 0, length), tag.topic, topic, topicBytes);
  for (const entry of entries) {
    data.set(entry, at);
    at += entry.length;
  }
  putText(data, at, tag.cursor, cursor, cursorBytes);
  const frame = create(SubscribeResponseSchema);
  frame.$unknown = [{ no: eventsField, wireType: WireType.LengthDelimited, data }];
  return frame;
}

/** The same for the JSON codecs. */
export function eventsFrameMessage({ topic, deliveries, cursor }: EventsFrame): SubscribeResponse {
  return create(SubscribeResponseSchema, {
    frame: { case: 'events', value: { topic, records: deliveries.map(toRecord), cursor } },
  });
}

function putVarint(target: Buffer, start: number, value: number): number {
  let rest = value;
  let at = start;
  while (rest > 0x7f) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}

function putText(target: Buffer, start: number, fieldTag: number, text: string, length: number): number {
  const at = putVarint(target, putVarint(target, start, fieldTag), length);
  return at + target.write(text, at);
}
