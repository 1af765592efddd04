import type { AppendRecord, Header } from '../../../core/model.js';
import { crc32c } from './crc32c.js';
import { varintSize, writeVarint } from './varint.js';
import { writeInt64 } from './wire.js';

/** Bytes before the records of a batch. */
const batchHeaderBytes = 61;

/** Identifies one batch of one producer in a partition. The broker stores each identity once, and refuses older epochs. */
export interface BatchStamp {
  /** The producer id as the broker gave it: eight bytes, because it may exceed the safe integers. */
  readonly producerId: Uint8Array;
  readonly epoch: number;
  /** Of the batch's first record; the others follow it. */
  readonly sequence: number;
}

/** What is found out about records before they are written as one uncompressed batch (format 2). */
export interface BatchLayout {
  /** Of the whole batch. */
  readonly bytes: number;
  /** Of each record, without its length in front. */
  readonly bodies: readonly number[];
  /** Of each record, its headers as they are written: records that share them, as most do, share this too. */
  readonly headers: readonly Uint8Array[];
}

const nothing: Uint8Array = new Uint8Array();

export function layOut(records: readonly AppendRecord[]): BatchLayout {
  const bodies: number[] = [];
  const headers: Uint8Array[] = [];
  let bytes = batchHeaderBytes;
  let encoded = nothing;
  let before: readonly Header[] | undefined;
  for (const record of records) {
    if (record.headers !== before) {
      before = record.headers;
      encoded = encodeHeaders(before);
    }
    const fixed = 2 + varintSize(bodies.length) + fieldBytes(record.key) + fieldBytes(record.value);
    const body = fixed + encoded.length;
    bytes += varintSize(body) + body;
    bodies.push(body);
    headers.push(encoded);
  }
  return { bytes, bodies, headers };
}

/**
 * Writes a batch at `start`, and returns the offset after it. The buffer has room for the layout's bytes, and the layout is that of these records.
 */
export function writeBatch(
  buffer: Buffer,
  start: number,
  records: readonly AppendRecord[],
  { bodies, headers }: BatchLayout,
  stamp: BatchStamp,
  timestamp: number,
): number {
  buffer.fill(0, start, start + 8);
  buffer.writeInt32BE(0, start + 12);
  buffer.writeInt8(2, start + 16);
  buffer.writeInt16BE(0, start + 21);
  buffer.writeInt32BE(records.length - 1, start + 23);
  writeInt64(buffer, timestamp, start + 27);
  writeInt64(buffer, timestamp, start + 35);
  buffer.set(stamp.producerId, start + 43);
  buffer.writeInt16BE(stamp.epoch, start + 51);
  buffer.writeInt32BE(stamp.sequence, start + 53);
  buffer.writeInt32BE(records.length, start + 57);
  let at = start + batchHeaderBytes;
  records.forEach(({ key, value }, i) => {
    at = writeVarint(buffer, bodies[i] ?? 0, at);
    buffer[at++] = 0; // attributes
    buffer[at++] = 0; // timestamp delta
    at = writeVarint(buffer, i, at);
    at = writeBytes(buffer, at, key);
    at = writeBytes(buffer, at, value);
    const encoded = headers[i] ?? nothing;
    buffer.set(encoded, at);
    at += encoded.length;
  });
  buffer.writeInt32BE(at - start - 12, start + 8);
  buffer.writeUInt32BE(crc32c(buffer.subarray(start + 21, at)), start + 17);
  return at;
}

function writeBytes(buffer: Buffer, start: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(buffer, -1, start);
  const at = writeVarint(buffer, bytes.length, start);
  buffer.set(bytes, at);
  return at + bytes.length;
}

function encodeHeaders(headers: readonly Header[]): Uint8Array {
  let bytes = varintSize(headers.length);
  for (const [name, value] of headers) {
    const nameBytes = Buffer.byteLength(name);
    bytes += varintSize(nameBytes) + nameBytes + fieldBytes(value);
  }
  const encoded = Buffer.allocUnsafe(bytes);
  let at = writeVarint(encoded, headers.length, 0);
  for (const [name, value] of headers) {
    at = writeVarint(encoded, Buffer.byteLength(name), at);
    at += encoded.write(name, at);
    at = writeBytes(encoded, at, value);
  }
  return encoded;
}

function fieldBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintSize(bytes.length) + bytes.length;
}
