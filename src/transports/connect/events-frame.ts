import { Buffer } from 'node:buffer';
import { create } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import type { Frame } from '../../core/subscribe/frames.js';
import { type SubscribeResponse, SubscribeResponseSchema } from '../../gen/mainstem/v1/subscribe_pb.js';
import { giveBack } from './frame-blocks.js';
import { encodedAs, envelopeBytes, writeEnvelope } from './lane/envelope.js';
import { toRecord } from './record-mapper.js';
import { encodeOnce, encodeRecords, recordPieces } from './record-pieces.js';
import { bytesTag, putVarint, varintLength } from './wire-writer.js';

export type EventsFrame = Extract<Frame, { kind: 'events' }>;

/** Number of `events` in SubscribeResponse, and of the fields of Events. */
const eventsField = 2;
const tag = {
  events: bytesTag(eventsField),
  topic: bytesTag(1),
  records: bytesTag(2),
  cursor: bytesTag(3),
  incarnation: bytesTag(4),
};

/**
 * Up to this size a frame is put together: many streams may get it, and one write is cheaper than one of several pieces. Larger ones go to few
 * streams, and their records are not copied again.
 */
const togetherBytes = 64 * 1024;
/** Pieces as short as this on average are put together too. */
const shortPieceBytes = 4 * 1024;

/**
 * The frame that was encoded last: live streams of a topic ask for the same one, one after the other. Where the lists differ the records
 * are compared, since streams that stand at the same place may have come there from different ones.
 */
let latest: (EventsFrame & { readonly message: SubscribeResponse; readonly pieces: readonly Buffer[] }) | undefined;

function isLatest({ topic, incarnation, deliveries, cursor }: EventsFrame): boolean {
  return (
    latest !== undefined &&
    latest.cursor === cursor &&
    latest.topic === topic &&
    latest.incarnation === incarnation &&
    (latest.deliveries === deliveries ||
      (latest.deliveries.length === deliveries.length &&
        latest.deliveries.every((delivery, i) => delivery === deliveries[i])))
  );
}

function encoded(events: EventsFrame) {
  if (latest === undefined || !isLatest(events)) {
    encodeRecords(events.deliveries, tag.records);
    const pieces = piecesOf(events, recordPieces(events.deliveries));
    latest = { ...events, pieces, message: encodedAs(create(SubscribeResponseSchema), pieces) };
  }
  return latest;
}

/** A frame for the lane: the message is empty, and known by its encoding. */
export function eventsFramePieces(events: EventsFrame): SubscribeResponse {
  if (events.lent !== true) return encoded(events).message;
  const { pieces: records, blocks } = encodeOnce(events.deliveries, tag.records);
  const pieces = piecesOf(events, records);
  if (pieces.length > 1) return encodedAs(create(SubscribeResponseSchema), pieces, () => giveBack(blocks));
  // A small frame is copied out of its block, which would weigh far more while it waits.
  giveBack(blocks);
  return encodedAs(create(SubscribeResponseSchema), pieces);
}

/**
 * A frame for the binary codecs. The codec writes unknown fields as they are, so the whole `events` field stands there, made of the records'
 * shared encodings; the message's own `frame` stays empty.
 */
export function encodedEventsFrame(events: EventsFrame): SubscribeResponse {
  const [head, ...rest] = encoded(events).pieces;
  const whole = rest.length === 0 && head !== undefined ? head : Buffer.concat(encoded(events).pieces);
  const frame = create(SubscribeResponseSchema);
  // What the codec writes itself: the envelope and the tag.
  const data = whole.subarray(envelopeBytes + varintLength(tag.events));
  frame.$unknown = [{ no: eventsField, wireType: WireType.LengthDelimited, data }];
  return frame;
}

/** An enveloped SubscribeResponse with the records in the middle of it, in as many pieces as it takes to copy little. */
function piecesOf({ topic, cursor, incarnation }: EventsFrame, records: readonly Buffer[]): Buffer[] {
  let recordBytes = 0;
  for (const piece of records) recordBytes += piece.length;
  const topicBytes = Buffer.byteLength(topic);
  const cursorBytes = Buffer.byteLength(cursor);
  const incarnationBytes = Buffer.byteLength(incarnation);
  const topicField = textLength(tag.topic, topicBytes);
  const tail = textLength(tag.cursor, cursorBytes) + textLength(tag.incarnation, incarnationBytes);
  const length = topicField + recordBytes + tail;
  const eventsHead = varintLength(tag.events) + varintLength(length);
  const headBytes = envelopeBytes + eventsHead + topicField;
  const together = recordBytes <= togetherBytes || recordBytes < records.length * shortPieceBytes;

  const buffer = Buffer.allocUnsafeSlow(headBytes + tail + (together ? recordBytes : 0));
  writeEnvelope(buffer, eventsHead + length);
  let at = putVarint(buffer, putVarint(buffer, envelopeBytes, tag.events), length);
  at = putText(buffer, at, tag.topic, topic, topicBytes);
  if (together) {
    for (const piece of records) {
      buffer.set(piece, at);
      at += piece.length;
    }
  }
  at = putText(buffer, at, tag.cursor, cursor, cursorBytes);
  putText(buffer, at, tag.incarnation, incarnation, incarnationBytes);
  return together ? [buffer] : [buffer.subarray(0, headBytes), ...records, buffer.subarray(headBytes)];
}

/** The same for the JSON codecs. */
export function eventsFrameMessage({ topic, incarnation, deliveries, cursor }: EventsFrame): SubscribeResponse {
  return create(SubscribeResponseSchema, {
    frame: { case: 'events', value: { topic, incarnation, records: deliveries.map(toRecord), cursor } },
  });
}

function textLength(fieldTag: number, length: number): number {
  return varintLength(fieldTag) + varintLength(length) + length;
}

function putText(target: Buffer, start: number, fieldTag: number, text: string, length: number): number {
  const at = putVarint(target, putVarint(target, start, fieldTag), length);
  return at + target.write(text, at);
}
