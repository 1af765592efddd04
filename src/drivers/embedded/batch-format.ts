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

/** Where the bytes of records that are read are put. */
export interface Copies {
  /** About how many bytes of records are copied together, and share memory; 0: each has its own. */
  readonly together: number;
  /** Copies a part of a batch. */
  copy(batch: Buffer, from: number, to: number): Uint8Array;
}

/** Memory of their own. */
export function freshCopies(together: number): Copies {
  return {
    together,
    copy(batch, from, to) {
      const bytes = Buffer.allocUnsafeSlow(to - from);
      batch.copy(bytes, 0, from, to);
      return bytes;
    },
  };
}

/** What the caller has lent, one after the other; memory of their own for those that do not fit in it any more. */
export function lentCopies(memory: Uint8Array, together: number): Copies {
  const fresh = freshCopies(together);
  let used = 0;
  return {
    together,
    copy(batch, from, to) {
      const length = to - from;
      if (used + length > memory.length) return fresh.copy(batch, from, to);
      const bytes = memory.subarray(used, used + length);
      bytes.set(new Uint8Array(batch.buffer, batch.byteOffset + from, length));
      used += length;
      return bytes;
    },
  };
}

/** Which batch is decoded, and which of its records. */
export interface DecodeRange {
  readonly baseOffset: number;
  readonly timestamp: number;
  /** The first offset that is wanted. */
  readonly from: number;
  /** Stops before the record that would exceed it, except that the very first of `into` is always given. */
  readonly maxBytes: number;
  readonly copies: Copies;
}

/**
 * Appends the wanted records of a batch to `into`, and returns the bytes that they took. Their arrays are parts of copies: nothing of the batch
 * stays alive.
 *
 * @param batch may be longer than `length`, and be overwritten afterwards.
 */
export function decodeBatch(batch: Buffer, length: number, range: DecodeRange, into: LogRecord[]): number {
  if (length < 3 || batch[0] !== FORMAT) throw broken(range.baseOffset);
  const view = new DataView(batch.buffer, batch.byteOffset, length);
  const names: string[] = [];
  let at = 3;
  for (let left = view.getUint16(1, true); left > 0; left--) {
    const end = at + 4 + view.getUint32(at, true);
    if (end > length) throw broken(range.baseOffset);
    names.push(batch.toString('utf8', at + 4, end));
    at = end;
  }
  const endOfRecord = (start: number): number => {
    const end = start + 4 + view.getUint32(start, true);
    if (end > length) throw broken(range.baseOffset);
    return end;
  };
  const { from, maxBytes, timestamp, copies } = range;
  let offset = range.baseOffset;
  for (; offset < from && at + 4 <= length; offset++) at = endOfRecord(at);
  const wanted = at;
  while (at + 4 <= length) {
    // One run, which is copied together.
    const [start, first] = [at, offset];
    let isFull = false;
    while (at + 4 <= length && (at === start || at - start < copies.together)) {
      const end = endOfRecord(at);
      isFull = into.length + offset - first > 0 && end - wanted > maxBytes;
      if (isFull) break;
      offset++;
      at = end;
    }
    if (at > start) decodeRecords(copies.copy(batch, start, at), first, timestamp, names, into);
    if (isFull) return at - wanted;
  }
  if (at !== length) throw broken(range.baseOffset);
  return at - wanted;
}

const noHeaders: readonly Header[] = [];

/** @param bytes whole records, the first one of which has the offset `first`. */
function decodeRecords(
  bytes: Uint8Array,
  first: number,
  timestamp: number,
  names: readonly string[],
  into: LogRecord[],
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let headers = noHeaders;
  for (let [start, offset] = [0, first]; start < bytes.length; offset++) {
    const keyLength = view.getInt32(start + 4, true);
    const valueLength = view.getInt32(start + 8, true);
    const keyAt = start + RECORD_BYTES + view.getUint16(start + 12, true) * HEADER_BYTES;
    const valueAt = keyAt + Math.max(0, keyLength);
    const headersAt = valueAt + Math.max(0, valueLength);
    // Most batches are of one kind: who looks at headers can then see by identity that they are the same again.
    if (!isSameHeaders(view, start, headersAt, names, headers)) headers = decodeHeaders(view, start, headersAt, names);
    into.push({
      key: keyLength < 0 ? null : part(view, keyAt, keyLength),
      value: valueLength < 0 ? null : part(view, valueAt, valueLength),
      headers,
      offset,
      timestamp,
    });
    start += 4 + view.getUint32(start, true);
  }
}

/** Several times faster than `subarray`. */
function part(view: DataView, at: number, length: number): Buffer {
  return Buffer.from(view.buffer, view.byteOffset + at, length);
}

/** The headers of the record at `start`, whose values begin at `contentAt`. */
function decodeHeaders(view: DataView, start: number, contentAt: number, names: readonly string[]): readonly Header[] {
  const headers: Header[] = [];
  const values = start + RECORD_BYTES + view.getUint16(start + 12, true) * HEADER_BYTES;
  let at = contentAt;
  for (let entry = start + RECORD_BYTES; entry < values; entry += HEADER_BYTES) {
    const length = view.getUint32(entry + 2, true);
    headers.push([names[view.getUint16(entry, true)] ?? '', part(view, at, length)]);
    at += length;
  }
  return headers;
}

/** Whether the record at `start` has these headers. */
function isSameHeaders(
  view: DataView,
  start: number,
  contentAt: number,
  names: readonly string[],
  headers: readonly Header[],
): boolean {
  if (view.getUint16(start + 12, true) !== headers.length) return false;
  let at = contentAt;
  let entry = start + RECORD_BYTES;
  for (const [name, value] of headers) {
    if (names[view.getUint16(entry, true)] !== name || view.getUint32(entry + 2, true) !== value.length) return false;
    for (const byte of value) if (view.getUint8(at++) !== byte) return false;
    entry += HEADER_BYTES;
  }
  return true;
}

const broken = (baseOffset: number) =>
  new BusError('INTERNAL', `the stored batch at offset ${baseOffset} is damaged`, {
    metadata: { base_offset: String(baseOffset) },
  });
