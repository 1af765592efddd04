import { isBare, readHeaders } from '../../core/event-headers.js';
import type { Header } from '../../core/model.js';
import type { Redriven } from '../../core/parking/records.js';
import type { Delivery } from '../../core/subscribe/frames.js';
import { payloadKinds } from './record-mapper.js';
import { bytesTag, intTag, type WireWriter } from './wire-writer.js';

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
export function writeRecord(
  writer: WireWriter,
  entryTag: number,
  { partition, record, kind, schemaVersion, bytes }: Delivery,
): void {
  const entry = writer.open(entryTag, bytes);
  writer.int(tag.partition, partition);
  writer.int(tag.offset, record.offset);
  writeTime(writer, tag.time, record.timestamp);
  if (record.key !== null) writer.bytes(tag.key, record.key);
  if (record.value !== null && record.value.length > 0) writer.bytes(tag.jsonBytes, record.value);
  writer.int(tag.kind, payloadKinds[kind]);
  if (schemaVersion !== undefined) writer.int(tag.schemaVersion, schemaVersion);
  if (!isBare(record.headers)) writeMetadata(writer, record.headers);
  writer.close(entry, bytes);
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

/** Milliseconds since 1970, before it too, as a google.protobuf.Timestamp. */
export function writeTime(writer: WireWriter, timeTag: number, ms: number): void {
  const seconds = Math.floor(ms / 1000);
  const nanos = (ms - seconds * 1000) * 1_000_000;
  const time = writer.open(timeTag);
  if (seconds !== 0) writer.int(intTag(1), seconds);
  if (nanos !== 0) writer.int(intTag(2), nanos);
  writer.close(time);
}
