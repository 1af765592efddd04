import { BusError } from '../../core/errors.js';
import type { LogRecord } from '../../core/model.js';
import type { ReadResult } from '../../core/ports/event-log.js';
import { type Copies, decodeBatch } from './batch-format.js';
import { type BatchFacts, keyAfter, keyBefore, partitionKey, readBatchKey, readBits } from './batch-key.js';
import type { Store, Table } from './store.js';
import type { Partition, Topic } from './topic.js';

/** Finds a partition's bounds from what is stored: its start record and its last batch. Reads two keys. */
export function loadPartition(store: Store, topic: Topic, number: number): Partition {
  const start = store.starts.getBinary(partitionKey(topic.number, number));
  const last = lastBatchUpTo(store.batches, topic.number, number, Number.MAX_SAFE_INTEGER);
  const earliest = start === undefined ? 0 : readBits(start, 0, 7);
  const state = {
    next: Math.max(earliest, last === undefined ? 0 : last.baseOffset + last.count),
    lastTimestamp: Math.max(start === undefined ? 0 : readBits(start, 7, 6), last?.timestamp ?? 0),
    bytesSoFar: last?.bytesSoFar ?? (start === undefined ? 0 : readBits(start, 13, 7)),
  };
  return {
    topic,
    number,
    earliest,
    ...state,
    planned: { ...state },
    followers: new Set(),
    epochs: undefined,
    hasEpoch: false,
  };
}

/** What a truncated partition needs to go on from when all its batches are gone. */
export function startRecord(partition: Partition, earliest: number): Buffer {
  const value = Buffer.allocUnsafe(20);
  value[0] = Math.floor(earliest / 0x1000000000000);
  value.writeUIntBE(earliest % 0x1000000000000, 1, 6);
  value.writeUIntBE(partition.lastTimestamp, 7, 6);
  value[13] = Math.floor(partition.bytesSoFar / 0x1000000000000);
  value.writeUIntBE(partition.bytesSoFar % 0x1000000000000, 14, 6);
  return value;
}

/** The batch that holds an offset, or the last one before it. */
function lastBatchUpTo(batches: Table, topicNumber: number, partition: number, offset: number): BatchFacts | undefined {
  const start =
    offset >= Number.MAX_SAFE_INTEGER
      ? keyBefore(topicNumber, partition + 1, 0)
      : keyAfter(topicNumber, partition, offset);
  const end = keyBefore(topicNumber, partition, 0);
  for (const key of batches.getKeys({ start, end, reverse: true, limit: 1 })) return readBatchKey(key);
  return undefined;
}

/** How many batches one read looks at, however small they are. */
const MAX_BATCHES = 1_000;

/**
 * One bounded read, in one go: the read transaction ends with the event loop's turn. Cuts within a batch.
 *
 * @param copies where the records' bytes are put.
 */
export function readRange(
  store: Store,
  partition: Partition,
  from: number,
  maxBytes: number,
  copies: Copies,
): ReadResult {
  const { earliest, next: highWatermark } = partition;
  if (from < earliest) return { outcome: 'expired', earliest, highWatermark };
  if (from > highWatermark) return { outcome: 'ahead', earliest, highWatermark };
  const records: LogRecord[] = [];
  if (from < highWatermark) {
    let bytes = 0;
    for (const key of batchKeys(store, partition, from, maxBytes)) {
      const facts = readBatchKey(key);
      if (facts.baseOffset >= highWatermark) break;
      const batch = store.batches.getBinaryFast(key);
      if (batch === undefined) throw lost(partition, facts.baseOffset);
      const { baseOffset, timestamp } = facts;
      const range = { baseOffset, timestamp, from, maxBytes: maxBytes - bytes, copies };
      bytes += decodeBatch(batch, facts.bytes, range, records);
      const complete = (records.at(-1)?.offset ?? -1) === facts.baseOffset + facts.count - 1;
      if (!complete || bytes >= maxBytes) break;
    }
    if (records.length === 0) throw lost(partition, from);
  }
  return { outcome: 'ok', records, nextOffset: from + records.length, earliest, highWatermark };
}

/** The keys of the batches from the one that holds `from`, as many as it takes to exceed `maxBytes`. */
function batchKeys(store: Store, partition: Partition, from: number, maxBytes: number): Uint8Array[] {
  const { topic, number } = partition;
  const first = lastBatchUpTo(store.batches, topic.number, number, from);
  if (first === undefined || first.baseOffset + first.count <= from) throw lost(partition, from);
  const start = keyBefore(topic.number, number, first.baseOffset);
  const end = keyBefore(topic.number, number + 1, 0);
  const keys: Uint8Array[] = [];
  let bytes = 0;
  for (const key of store.batches.getKeys({ start, end, limit: MAX_BATCHES })) {
    keys.push(key);
    // The first batch may hold only little that is wanted.
    if (keys.length > 1) bytes += readBatchKey(key).bytes;
    if (bytes >= maxBytes) break;
  }
  return keys;
}

/** What the batches from the one that holds the first offset left take, by their keys: reads one of them. */
export function retainedBytes(store: Store, partition: Partition): number {
  const { topic, number, earliest, next, bytesSoFar } = partition;
  if (earliest >= next) return 0;
  const first = lastBatchUpTo(store.batches, topic.number, number, earliest);
  if (first === undefined) throw lost(partition, earliest);
  return bytesSoFar - (first.bytesSoFar - first.bytes);
}

const lost = (partition: Partition, offset: number) =>
  new BusError(
    'INTERNAL',
    `the stored data of topic ${partition.topic.name}, partition ${partition.number} are damaged at offset ${offset}`,
  );

/**
 * The first offset from `earliest` on whose batch satisfies a condition that, once true, stays true; the high watermark if there is none.
 * Bisects over the keys.
 */
export function firstOffsetWhere(store: Store, partition: Partition, holds: (facts: BatchFacts) => boolean): number {
  const { topic, number, earliest, next } = partition;
  let low = earliest;
  let high = next;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    const facts = lastBatchUpTo(store.batches, topic.number, number, middle);
    if (facts === undefined || facts.baseOffset + facts.count <= middle) throw lost(partition, middle);
    if (holds(facts)) high = Math.max(facts.baseOffset, earliest);
    else low = facts.baseOffset + facts.count;
    if (high <= low) break;
  }
  return Math.min(low, high, next);
}
