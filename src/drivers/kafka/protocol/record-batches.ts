import type { Header, LogRecord } from '../../../core/model.js';
import { decompress, UnreadableBatch } from './compression.js';
import { readVarint, readVarlong, type Scan } from './varint.js';
import { readInt64 } from './wire.js';

export interface AbortedTransaction {
  /** The producer id's eight bytes, as text. */
  readonly producer: string;
  readonly firstOffset: number;
}

/** What a fetch returned for one partition, as a reader with isolation "read committed" sees it. */
export interface DecodedRecords {
  readonly records: LogRecord[];
  /** After the last complete batch, whether or not anything of it is visible; `from` if there is none. */
  readonly nextOffset: number;
  /** Set where decoding stopped before a batch that cannot be read. */
  readonly unreadable: UnreadableBatch | undefined;
  /** The leader epoch that the last of these batches was written in; undefined if there is none. */
  readonly epoch: number | undefined;
  /** There was the beginning of a batch, and nothing else. */
  readonly cutShort: boolean;
}

const controlBatch = 0x20;
const transactional = 0x10;
const logAppendTime = 0x08;

/**
 * Decodes record batches. Records below `from`, control records and those of aborted transactions are left out; what is returned
 * holds no reference to `buffer`. Checksums are not verified: the broker did so on arrival.
 */
export async function decodeRecords(
  buffer: Buffer,
  from: number,
  aborted: readonly AbortedTransaction[],
): Promise<DecodedRecords> {
  const records: LogRecord[] = [];
  const pending = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const aborting = new Set<string>();
  let nextOffset = from;
  let start = 0;
  let unreadable: UnreadableBatch | undefined;
  let epoch: number | undefined;
  while (buffer.length - start >= 17) {
    const end = start + 12 + buffer.readInt32BE(start + 8);
    // The last batch may be cut off where the answer became too large.
    if (end > buffer.length) break;
    try {
      const magic = buffer.readInt8(start + 16);
      if (magic !== 2) throw new UnreadableBatch(`records in message format ${magic}, which is older than Kafka 0.11`);
      const attributes = buffer.readInt16BE(start + 21);
      const lastOffset = readInt64(buffer, start) + buffer.readInt32BE(start + 23);
      const producer = buffer.toString('latin1', start + 43, start + 51);
      while (pending[0] !== undefined && pending[0].firstOffset <= lastOffset) {
        aborting.add(pending[0].producer);
        pending.shift();
      }
      if ((attributes & controlBatch) !== 0) {
        // Whether it commits or aborts: this producer's transaction is over.
        aborting.delete(producer);
      } else if (lastOffset >= from && !((attributes & transactional) !== 0 && aborting.has(producer))) {
        await decodeBatch(buffer.subarray(start, end), attributes, from, records);
      }
      nextOffset = Math.max(nextOffset, lastOffset + 1);
      epoch = epochOf(buffer, start);
    } catch (error) {
      unreadable = error instanceof UnreadableBatch ? error : new UnreadableBatch('damaged records', { cause: error });
      break;
    }
    start = end;
  }
  const cutShort = start === 0 && buffer.length > 0 && unreadable === undefined;
  return { records, nextOffset, unreadable, epoch, cutShort };
}

/** Brokers from before there were leader epochs write −1. */
function epochOf(buffer: Buffer, batch: number): number | undefined {
  const epoch = buffer.readInt32BE(batch + 12);
  return epoch < 0 ? undefined : epoch;
}

async function decodeBatch(batch: Buffer, attributes: number, from: number, into: LogRecord[]): Promise<void> {
  const baseOffset = readInt64(batch, 0);
  const baseTime = readInt64(batch, 27);
  // With LogAppendTime the broker writes its time here, for all records of the batch.
  const storedTime = (attributes & logAppendTime) !== 0 ? readInt64(batch, 35) : undefined;
  const count = batch.readInt32BE(57);
  const codec = attributes & 7;
  const data = batch.subarray(61);
  const scan: Scan = { buffer: codec === 0 ? data : await decompress(codec, data), offset: 0 };
  const copies = createCopies(scan.buffer);
  // All or nothing: a batch that turns out to be damaged adds no record.
  const decoded: LogRecord[] = [];
  for (let i = 0; i < count; i++) {
    const length = readVarint(scan);
    const end = scan.offset + length;
    if (length < 0 || end > scan.buffer.length) throw new RangeError('a record ends after its batch');
    scan.offset += 1;
    const delta = readVarlong(scan);
    const offset = baseOffset + readVarint(scan);
    if (offset >= from) {
      const own = { buffer: copies(scan.offset, end), offset: 0 };
      decoded.push(decodeRecord(own, offset, Math.max(0, storedTime ?? baseTime + delta)));
    }
    scan.offset = end;
  }
  for (const record of decoded) into.push(record);
}

/** The most memory that a record can hold beside its own. */
const shareBytes = 16 * 1024;

/**
 * Copies of parts of `source`, asked for in order, so that a record holds neither the fetched megabytes nor a pool. Small ones that follow
 * each other share a buffer, because to allocate one takes longer than to fill it; they are kept, and let go, together.
 */
function createCopies(source: Buffer): (start: number, end: number) => Buffer {
  let shared: Buffer = empty;
  let from = 0;
  return (start, end) => {
    if (end - start > shareBytes / 8) return copy(source, start, end);
    if (end > from + shared.length) {
      from = start;
      shared = copy(source, start, Math.min(source.length, start + shareBytes));
    }
    return shared.subarray(start - from, end - from);
  };
}

function copy(source: Buffer, start: number, end: number): Buffer {
  const own = Buffer.allocUnsafeSlow(end - start);
  source.copy(own, 0, start, end);
  return own;
}

function decodeRecord(own: Scan, offset: number, timestamp: number): LogRecord {
  const key = readBytes(own);
  const value = readBytes(own);
  const count = readVarint(own);
  const headers: Header[] = [];
  for (let i = 0; i < count; i++) {
    const name = readBytes(own)?.toString('utf8') ?? '';
    headers.push([name, readBytes(own) ?? empty]);
  }
  return { offset, timestamp, key, value, headers };
}

const empty = Buffer.alloc(0);

function readBytes(scan: Scan): Buffer | null {
  const length = readVarint(scan);
  if (length < 0) return null;
  const end = scan.offset + length;
  if (end > scan.buffer.length) throw new RangeError('a field ends after its record');
  const bytes = scan.buffer.subarray(scan.offset, end);
  scan.offset = end;
  return bytes;
}
