/**
 * What is known of a batch without reading it: its key. Recovery, retention and the search by time read keys only.
 *
 * Layout, big-endian, so that keys sort by topic, partition and offset:
 * topic number (4) · partition (4) · base offset (7) · timestamp (6) · records (4) · bytes of the value (4) · bytes of the partition's batches
 * up to and including this one, ever (7).
 */
export interface BatchFacts {
  readonly baseOffset: number;
  readonly timestamp: number;
  readonly count: number;
  readonly bytes: number;
  readonly bytesSoFar: number;
}

const BATCH_KEY_BYTES = 36;
const PREFIX_BYTES = 15;

export function batchKey(topicNumber: number, partition: number, facts: BatchFacts): Buffer {
  const key = Buffer.allocUnsafe(BATCH_KEY_BYTES);
  writePrefix(key, topicNumber, partition, facts.baseOffset);
  key.writeUIntBE(facts.timestamp, 15, 6);
  key.writeUInt32BE(facts.count, 21);
  key.writeUInt32BE(facts.bytes, 25);
  write56(key, 29, facts.bytesSoFar);
  return key;
}

export function readBatchKey(key: Uint8Array): BatchFacts {
  return {
    baseOffset: readBits(key, 8, 7),
    timestamp: readBits(key, 15, 6),
    count: readBits(key, 21, 4),
    bytes: readBits(key, 25, 4),
    bytesSoFar: readBits(key, 29, 7),
  };
}

/** Sorts before every batch of the partition with this base offset or a later one. */
export function keyBefore(topicNumber: number, partition: number, offset: number): Buffer {
  const key = Buffer.allocUnsafe(PREFIX_BYTES);
  writePrefix(key, topicNumber, partition, offset);
  return key;
}

/** Sorts after every batch of the partition with this base offset or an earlier one. */
export function keyAfter(topicNumber: number, partition: number, offset: number): Buffer {
  return keyBefore(topicNumber, partition, offset + 1);
}

/** Names a partition; sorts before all its batches. */
export function partitionKey(topicNumber: number, partition: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeUInt32BE(topicNumber, 0);
  key.writeUInt32BE(partition, 4);
  return key;
}

function writePrefix(key: Buffer, topicNumber: number, partition: number, offset: number): void {
  key.writeUInt32BE(topicNumber, 0);
  key.writeUInt32BE(partition, 4);
  write56(key, 8, offset);
}

function write56(key: Buffer, at: number, value: number): void {
  key[at] = Math.floor(value / 0x1000000000000);
  key.writeUIntBE(value % 0x1000000000000, at + 1, 6);
}

export function readBits(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = at; i < at + length; i++) value = value * 256 + (bytes[i] ?? 0);
  return value;
}
