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
  /** About how many bytes of records may share memory; 0: each has its own. */
  readonly sharedBytes: number;
}

/**
 * Appends the wanted records of a batch to `into`, and returns the bytes that they took. Their arrays are parts of copies: nothing of the batch
 * stays alive.
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
  let offset = range.baseOffset;
  for (; offset < range.from && at + 4 <= length; offset++) at = endOfRecord(batch, at, length, range);
  const wanted = at;
  while (at + 4 <= length) {
    // One run, which is copied together.
    const [start, first] = [at, offset];
    let isFull = false;
    while (at + 4 <= length && (at === start || at - start < range.sharedBytes)) {
      const end = endOfRecord(batch, at, length, range);
      isFull = into.length + offset - first > 0 && end - wanted > range.maxBytes;
      if (isFull) break;
      offset++;
      at = end;
    }
    if (at > start) decodeRecords(copyOf(batch, start, at), first, range.timestamp, names, into);
    if (isFull) return at - wanted;
  }
  if (at !== length) throw broken(range.baseOffset);
  return at - wanted;
}

function copyOf(batch: Buffer, from: number, to: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(to - from);
  batch.copy(bytes, 0, from, to);
  return bytes;
}

function endOfRecord(batch: Buffer, at: number, length: number, { baseOffset }: DecodeRange): number {
  const end = at + 4 + batch.readUInt32LE(at);
  if (end > length) throw broken(baseOffset);
  return end;
}

const noHeaders: readonly Header[] = [];

/** @param bytes whole records, the first one of which has the offset `first`. */
function decodeRecords(
  bytes: Buffer,
  first: number,
  timestamp: number,
  names: readonly string[],
  into: LogRecord[],
): void {
  let before: LogRecord | undefined;
  for (let [start, offset] = [0, first]; start < bytes.length; offset++) {
    const keyLength = bytes.readInt32LE(start + 4);
    const valueLength = bytes.readInt32LE(start + 8);
    const keyAt = start + RECORD_BYTES + bytes.readUInt16LE(start + 12) * HEADER_BYTES;
    const valueAt = keyAt + Math.max(0, keyLength);
    const headersAt = valueAt + Math.max(0, valueLength);
    const record: LogRecord = {
      key: keyLength < 0 ? null : bytes.subarray(keyAt, valueAt),
      value: valueLength < 0 ? null : bytes.subarray(valueAt, headersAt),
      headers: decodeHeaders(bytes, start, headersAt, names, before?.headers),
      offset,
      timestamp,
    };
    into.push(record);
    before = record;
    start += 4 + bytes.readUInt32LE(start);
  }
}

/** The headers of the record at `start`; `before`, those of the record before it, if they are the same: most batches are of one kind. */
function decodeHeaders(
  bytes: Buffer,
  start: number,
  contentAt: number,
  names: readonly string[],
  before: readonly Header[] | undefined,
): readonly Header[] {
  const count = bytes.readUInt16LE(start + 12);
  if (count === 0) return noHeaders;
  let at = contentAt;
  let same = before?.length === count;
  const headers: Header[] = [];
  for (let i = 0; i < count; i++) {
    const entry = start + RECORD_BYTES + i * HEADER_BYTES;
    const name = names[bytes.readUInt16LE(entry)] ?? '';
    const end = at + bytes.readUInt32LE(entry + 2);
    const known = same ? before?.[i] : undefined;
    same = known !== undefined && known[0] === name && isSame(bytes, at, end, known[1]);
    headers.push(same && known !== undefined ? known : [name, bytes.subarray(at, end)]);
    at = end;
  }
  return same && before !== undefined ? before : headers;
}

function isSame(bytes: Buffer, from: number, to: number, other: Uint8Array): boolean {
  if (to - from !== other.length) return false;
  for (let i = 0; i < other.length; i++) if (bytes[from + i] !== other[i]) return false;
  return true;
}

const broken = (baseOffset: number) =>
  new BusError('INTERNAL', `the stored batch at offset ${baseOffset} is damaged`, {
    metadata: { base_offset: String(baseOffset) },
  });
