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
 * The frame that was put together last: live streams of a topic ask for the same one, one after the other. All records are compared, since
 * streams that stand at the same place may have come there from different ones.
 */
let latest: (EventsFrame & { readonly data: Uint8Array<ArrayBuffer> }) | undefined;

function isLatest({ topic, deliveries, cursor }: EventsFrame): boolean {
  return (
    latest !== undefined &&
    latest.cursor === cursor &&
    latest.topic === topic &&
    latest.deliveries.length === deliveries.length &&
    latest.deliveries.every((delivery, i) => delivery === deliveries[i])
  );
}

/**
 * A frame for the binary codecs. The codec writes unknown fields as they are, so the whole `events` field stands there, put together from
 * the records' shared encodings with a single copy; the message's own `frame` stays empty.
 */
export function encodedEventsFrame(events: EventsFrame): SubscribeResponse {
  if (latest === undefined || !isLatest(events)) latest = { ...events, data: putTogether(events) };
  const frame = create(SubscribeResponseSchema);
  frame.$unknown = [{ no: eventsField, wireType: WireType.LengthDelimited, data: latest.data }];
  return frame;
}

/** The content of the field `events`, with its length in front. */
function putTogether({ topic, deliveries, cursor }: EventsFrame): Uint8Array<ArrayBuffer> {
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
  return data;
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
