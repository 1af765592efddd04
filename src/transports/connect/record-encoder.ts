import { Buffer } from 'node:buffer';
import { isBare, readHeaders } from '../../core/event-headers.js';
import type { Header } from '../../core/model.js';
import type { Redriven } from '../../core/parking/records.js';
import type { Delivery } from '../../core/subscribe/frames.js';
import { payloadKinds } from './record-mapper.js';
import { bytesTag, intTag, putVarint, varintLength, WireWriter } from './wire-writer.js';

/** Field numbers of mainstem.v1.Record; a test compares this encoder with the generated one. */
const tag = {
  partition: intTag(1),
  offset: intTag(2),
  time: bytesTag(3),
  key: bytesTag(4),
  jsonBytes: bytesTag(5),
  kind: intTag(6),
  schemaVersion: intTag(7),
  id: bytesTag(8),
  source: bytesTag(9),
  type: bytesTag(10),
  subject: bytesTag(11),
  eventTime: bytesTag(12),
  attributes: bytesTag(13),
  headers: bytesTag(14),
  redriven: bytesTag(15),
};
/** Of mainstem.v1.Redriven. */
const redrivenTag = {
  topic: bytesTag(1),
  partition: intTag(2),
  offset: intTag(3),
  reason: bytesTag(4),
  attempts: intTag(5),
};

const first = bytesTag(1);
const second = bytesTag(2);

/** Writes a record as an entry of a repeated field: tag, length, and what the generated code would write for `toRecord`. */
export function writeRecord(writer: WireWriter, entryTag: number, delivery: Delivery): void {
  if (isBare(delivery.record.headers)) {
    writeBare(writer, entryTag, delivery);
    return;
  }
  const { partition, record, kind, schemaVersion, bytes } = delivery;
  const entry = writer.open(entryTag, bytes);
  writer.int(tag.partition, partition);
  writer.int(tag.offset, record.offset);
  writeTime(writer, tag.time, record.timestamp);
  if (record.key !== null) writer.bytes(tag.key, record.key);
  if (record.value !== null && record.value.length > 0) writer.bytes(tag.jsonBytes, record.value);
  writer.int(tag.kind, payloadKinds[kind]);
  if (schemaVersion !== undefined) writer.int(tag.schemaVersion, schemaVersion);
  writeMetadata(writer, record.headers);
  writer.close(entry, bytes);
}

/** The same for most records, in half the time: their length is known beforehand. */
function writeBare(writer: WireWriter, entryTag: number, delivery: Delivery): void {
  const { partition, record, kind, schemaVersion } = delivery;
  const { offset, key, value } = record;
  const time = encodedTime(record.timestamp);
  // Of what has a tag of one byte here.
  const bytesLength = (bytes: Uint8Array) => 1 + varintLength(bytes.length) + bytes.length;
  const length =
    2 +
    varintLength(partition) +
    varintLength(offset) +
    time.length +
    (key === null ? 0 : bytesLength(key)) +
    (value === null || value.length === 0 ? 0 : bytesLength(value)) +
    2 +
    (schemaVersion === undefined ? 0 : 1 + varintLength(schemaVersion));

  const target = writer.memory(20 + length);
  let at = putVarint(target, putVarint(target, writer.length, entryTag), length);
  target[at++] = tag.partition;
  at = putVarint(target, at, partition);
  target[at++] = tag.offset;
  at = putVarint(target, at, offset);
  for (let i = 0; i < time.length; i++) target[at++] = time.bytes[i] ?? 0;
  if (key !== null) at = putBytes(target, at, tag.key, key);
  if (value !== null && value.length > 0) at = putBytes(target, at, tag.jsonBytes, value);
  target[at++] = tag.kind;
  target[at++] = payloadKinds[kind];
  if (schemaVersion !== undefined) {
    target[at++] = tag.schemaVersion;
    at = putVarint(target, at, schemaVersion);
  }
  writer.end(at);
}

function putBytes(target: Uint8Array, start: number, shortTag: number, bytes: Uint8Array): number {
  target[start] = shortTag;
  const at = putVarint(target, start + 1, bytes.length);
  target.set(bytes, at);
  return at + bytes.length;
}

function writeMetadata(writer: WireWriter, recordHeaders: readonly Header[]): void {
  const { id, source, type, subject, time, attributes, redriven, rest } = readHeaders(recordHeaders);
  writer.textIfAny(tag.id, id);
  writer.textIfAny(tag.source, source);
  writer.textIfAny(tag.type, type);
  writer.textIfAny(tag.subject, subject);
  writer.textIfAny(tag.eventTime, time);
  for (const name in attributes) {
    const pair = writer.open(tag.attributes);
    writer.text(first, name);
    writer.text(second, attributes[name] ?? '');
    writer.close(pair);
  }
  for (const [name, value] of rest) {
    const header = writer.open(tag.headers);
    writer.textIfAny(first, name);
    if (value.length > 0) writer.bytes(second, value);
    writer.close(header);
  }
  if (redriven !== undefined) writeRedriven(writer, redriven);
}

function writeRedriven(writer: WireWriter, { topic, partition, offset, reason, attempts }: Redriven): void {
  const message = writer.open(tag.redriven);
  writer.textIfAny(redrivenTag.topic, topic);
  writer.int(redrivenTag.partition, partition);
  writer.int(redrivenTag.offset, offset);
  writer.textIfAny(redrivenTag.reason, reason);
  if (attempts !== 0) writer.int(redrivenTag.attempts, attempts);
  writer.close(message);
}

/** The time that was encoded last: all records of a batch have the same. */
const timeBytes = Buffer.alloc(64);
const timeWriter = new WireWriter(timeBytes);
const lastTime = { ms: Number.NaN, bytes: timeBytes, length: 0 };

function encodedTime(ms: number): typeof lastTime {
  if (lastTime.ms !== ms) {
    writeTime(timeWriter, tag.time, ms);
    lastTime.length = timeWriter.turnTo(timeBytes).length;
    lastTime.ms = ms;
  }
  return lastTime;
}

/** Milliseconds since 1970, before it too, as a google.protobuf.Timestamp. */
export function writeTime(writer: WireWriter, timeTag: number, ms: number): void {
  const seconds = Math.floor(ms / 1000);
  const nanos = (ms - seconds * 1000) * 1_000_000;
  const time = writer.open(timeTag);
  if (seconds !== 0) writer.int(intTag(1), seconds);
  if (nanos !== 0) writer.int(intTag(2), nanos);
  writer.close(time);
}
