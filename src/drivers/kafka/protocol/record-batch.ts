import type { AppendRecord, Header } from '../../../core/model.js';
import { crc32c } from './crc32c.js';
import { varintSize, writeVarint } from './varint.js';
import { writeInt64 } from './wire.js';

/** Bytes before the records of a batch. */
const batchHeaderBytes = 61;

/** The bytes that these records take as one uncompressed batch (format 2). */
export function batchBytes(records: readonly AppendRecord[]): number {
  let bytes = batchHeaderBytes;
  for (let i = 0; i < records.length; i++) {
    const record = records[i];
    if (record === undefined) continue;
    const body = bodyBytes(record, i);
    bytes += varintSize(body) + body;
  }
  return bytes;
}

/**
 * Writes a batch (format 2, uncompressed, without a producer id) at `start`, and returns the offset after it. The buffer has room
 * for `batchBytes`.
 */
export function writeBatch(buffer: Buffer, start: number, records: readonly AppendRecord[], timestamp: number): number {
  buffer.fill(0, start, start + 8);
  buffer.writeInt32BE(0, start + 12);
  buffer.writeInt8(2, start + 16);
  buffer.writeInt16BE(0, start + 21);
  buffer.writeInt32BE(records.length - 1, start + 23);
  writeInt64(buffer, timestamp, start + 27);
  writeInt64(buffer, timestamp, start + 35);
  // No producer id, epoch and sequence: see appends.ts for why we are not idempotent.
  buffer.fill(0xff, start + 43, start + 57);
  buffer.writeInt32BE(records.length, start + 57);
  let at = start + batchHeaderBytes;
  for (let i = 0; i < records.length; i++) {
    const record = records[i];
    if (record !== undefined) at = writeRecord(buffer, at, record, i);
  }
  buffer.writeInt32BE(at - start - 12, start + 8);
  buffer.writeUInt32BE(crc32c(buffer.subarray(start + 21, at)), start + 17);
  return at;
}

function writeRecord(buffer: Buffer, start: number, record: AppendRecord, index: number): number {
  let at = writeVarint(buffer, bodyBytes(record, index), start);
  buffer[at++] = 0; // attributes
  buffer[at++] = 0; // timestamp delta
  at = writeVarint(buffer, index, at);
  at = writeBytes(buffer, at, record.key);
  at = writeBytes(buffer, at, record.value);
  at = writeVarint(buffer, record.headers.length, at);
  for (const [name, value] of record.headers) {
    at = writeVarint(buffer, Buffer.byteLength(name), at);
    at += buffer.write(name, at);
    at = writeBytes(buffer, at, value);
  }
  return at;
}

function writeBytes(buffer: Buffer, start: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(buffer, -1, start);
  const at = writeVarint(buffer, bytes.length, start);
  buffer.set(bytes, at);
  return at + bytes.length;
}

function bodyBytes(record: AppendRecord, index: number): number {
  const fixed = 2 + varintSize(index) + fieldBytes(record.key) + fieldBytes(record.value);
  return fixed + headerBytes(record.headers);
}

function headerBytes(headers: readonly Header[]): number {
  let bytes = varintSize(headers.length);
  for (const [name, value] of headers) {
    const nameBytes = Buffer.byteLength(name);
    bytes += varintSize(nameBytes) + nameBytes + fieldBytes(value);
  }
  return bytes;
}

function fieldBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintSize(bytes.length) + bytes.length;
}
