import { BusError } from '../../core/errors.js';
import type { AppendRecord, Header, LogRecord } from '../../core/model.js';

/**
 * One appended batch as one value, little-endian:
 *
 *     version (1) = 1 · header names: count (2), each length (4) and UTF-8
 *     per record: length of what follows (4) · key length or -1 (4) · value length or -1 (4) · header count (2)
 *                 · per header: index of its name (2), value length (4) · key · value · header values
 *
 * A name is stored once per batch. Names are numbered up to 65,534; an event's headers are far fewer.
 */
const FORMAT = 1;
const RECORD_BYTES = 14;
const HEADER_BYTES = 6;
const MOST = 0xffff;

export function encodeBatch(records: readonly AppendRecord[]): Buffer {
  const names = new Map<string, number>();
  let size = 3;
  for (const record of records) {
    size += RECORD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0);
    const { headers } = record;
    if (headers.length > MOST) throw tooMany();
    for (const [name, value] of headers) {
      size += HEADER_BYTES + value.length;
      if (names.has(name)) continue;
      if (names.size >= MOST) throw tooMany();
      names.set(name, names.size);
      size += 4 + Buffer.byteLength(name);
    }
  }
  const batch = Buffer.allocUnsafeSlow(size);
  batch[0] = FORMAT;
  batch.writeUInt16LE(names.size, 1);
  let at = 3;
  for (const name of names.keys()) {
    const length = batch.write(name, at + 4);
    batch.writeUInt32LE(length, at);
    at += 4 + length;
  }
  for (const record of records) at = writeRecord(batch, at, record, names);
  return batch;
}

function writeRecord(batch: Buffer, start: number, record: AppendRecord, names: ReadonlyMap<string, number>): number {
  const { key, value, headers } = record;
  batch.writeInt32LE(key === null ? -1 : key.length, start + 4);
  batch.writeInt32LE(value === null ? -1 : value.length, start + 8);
  batch.writeUInt16LE(headers.length, start + 12);
  let at = start + RECORD_BYTES;
  for (const [name, content] of headers) {
    batch.writeUInt16LE(names.get(name) ?? 0, at);
    batch.writeUInt32LE(content.length, at + 2);
    at += HEADER_BYTES;
  }
  if (key !== null) {
    batch.set(key, at);
    at += key.length;
  }
  if (value !== null) {
    batch.set(value, at);
    at += value.length;
  }
  for (const [, content] of headers) {
    batch.set(content, at);
    at += content.length;
  }
  batch.writeUInt32LE(at - start - 4, start);
  return at;
}

const tooMany = () =>
  new BusError('EVENT_TOO_LARGE', `an event may have at most ${MOST} headers, and a batch as many different names`);

/** Which batch is decoded, and which of its records. */
export interface DecodeRange {
  readonly baseOffset: number;
  readonly timestamp: number;
  /** The first offset that is wanted. */
  readonly from: number;
  /** Stops before the record that would exceed it, except that the very first of `into` is always given. */
  readonly maxBytes: number;
}

/**
 * Appends the wanted records of a batch to `into`, and returns the bytes that they took. Each record's arrays share one buffer of their own:
 * nothing of the batch stays alive.
 *
 * @param batch may be longer than `length`, and be overwritten afterwards.
 */
export function decodeBatch(batch: Buffer, length: number, range: DecodeRange, into: LogRecord[]): number {
  if (length < 3 || batch[0] !== FORMAT) throw broken(range.baseOffset);
  const names: string[] = [];
  let at = 3;
  for (let left = batch.readUInt16LE(1); left > 0; left--) {
    const end = at + 4 + batch.readUInt32LE(at);
    if (end > length) throw broken(range.baseOffset);
    names.push(batch.toString('utf8', at + 4, end));
    at = end;
  }
  let bytes = 0;
  for (let offset = range.baseOffset; at + 4 <= length; offset++) {
    const end = at + 4 + batch.readUInt32LE(at);
    if (end > length) throw broken(range.baseOffset);
    if (offset >= range.from) {
      if (into.length > 0 && bytes + end - at > range.maxBytes) return bytes;
      into.push(decodeRecord(batch, at, end, offset, range.timestamp, names));
      bytes += end - at;
    }
    at = end;
  }
  if (at !== length) throw broken(range.baseOffset);
  return bytes;
}

const noHeaders: readonly Header[] = [];

function decodeRecord(
  batch: Buffer,
  start: number,
  end: number,
  offset: number,
  timestamp: number,
  names: readonly string[],
): LogRecord {
  const keyLength = batch.readInt32LE(start + 4);
  const valueLength = batch.readInt32LE(start + 8);
  const count = batch.readUInt16LE(start + 12);
  const table = start + RECORD_BYTES;
  const content = table + count * HEADER_BYTES;
  const bytes = Buffer.allocUnsafeSlow(end - content);
  batch.copy(bytes, 0, content, end);
  let at = 0;
  const take = (length: number): Uint8Array | null => {
    if (length < 0) return null;
    at += length;
    return bytes.subarray(at - length, at);
  };
  const key = take(keyLength);
  const value = take(valueLength);
  if (count === 0) return { key, value, headers: noHeaders, offset, timestamp };
  const headers: Header[] = [];
  for (let i = 0; i < count; i++) {
    const entry = table + i * HEADER_BYTES;
    const length = batch.readUInt32LE(entry + 2);
    headers.push([names[batch.readUInt16LE(entry)] ?? '', bytes.subarray(at, at + length)]);
    at += length;
  }
  return { key, value, headers, offset, timestamp };
}

const broken = (baseOffset: number) =>
  new BusError('INTERNAL', `the stored batch at offset ${baseOffset} is damaged`, {
    metadata: { base_offset: String(baseOffset) },
  });
