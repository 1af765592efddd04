import { type AbortedTransaction, type DecodedRecords, decodeRecords } from './record-batches.js';
import type { KafkaRequest } from './requests.js';
import { ByteReader, ByteWriter } from './wire.js';

export interface FetchPartition {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
}

export interface FetchLimits {
  /** How long the broker may wait for something to send; 0: not at all. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  /** The first batch of the first partition that has one comes whole, whatever its size. */
  readonly maxPartitionBytes: number;
}

/** What a broker has of one partition. Offsets are −1 beside an error. */
export type Fetched = FetchedPartition & DecodedRecords;

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly error: number;
  /** The last stable offset: the high watermark of a reader with isolation "read committed". */
  readonly highWatermark: number;
  readonly earliest: number;
}

/** Makes something of the batches of one partition, which was asked for from `from` on. */
export type DecodeBatches<T> = (data: Buffer, from: number, aborted: readonly AbortedTransaction[]) => T | Promise<T>;

/** Fetches many partitions of one broker, read committed, without a fetch session. */
export function fetchRequest(partitions: readonly FetchPartition[], limits: FetchLimits): KafkaRequest<Fetched[]> {
  return fetchBatchesRequest(partitions, limits, decodeRecords);
}

/** The same request for a caller that has another use for the batches than their records. */
export function fetchBatchesRequest<T>(
  partitions: readonly FetchPartition[],
  limits: FetchLimits,
  decodeBatches: DecodeBatches<T>,
): KafkaRequest<(FetchedPartition & T)[]> {
  const writer = new ByteWriter(64 + partitions.length * 64);
  // Replica −1 is a consumer; at least one byte unless it must not wait; isolation 1 is "read committed"; no session.
  writer
    .int32(-1)
    .int32(limits.maxWaitMs)
    .int32(limits.maxWaitMs === 0 ? 0 : 1)
    .int32(limits.maxBytes)
    .int8(1);
  writer.int32(0).int32(-1);
  writer.array(runsByTopic(partitions), ([topic, run]) => {
    writer.string(topic).array(run, ({ partition, from }) => {
      // No leader epoch, and the log start is a follower's business.
      writer.int32(partition).int32(-1).int64(from).int64(-1).int32(limits.maxPartitionBytes);
    });
  });
  writer.int32(0).string('');
  const asked = new Map(partitions.map((one) => [`${one.topic}/${one.partition}`, one.from]));
  return {
    apiKey: 1,
    apiVersion: 11,
    name: 'Fetch',
    body: writer.finish(),
    decode: (response) => decodeFetch(response, asked, decodeBatches),
  };
}

// Order matters to the broker: it fills the answer from the first partition on.
function runsByTopic(partitions: readonly FetchPartition[]): [string, FetchPartition[]][] {
  const runs: [string, FetchPartition[]][] = [];
  for (const one of partitions) {
    const last = runs.at(-1);
    if (last?.[0] === one.topic) last[1].push(one);
    else runs.push([one.topic, [one]]);
  }
  return runs;
}

async function decodeFetch<T>(
  response: Buffer,
  asked: ReadonlyMap<string, number>,
  decodeBatches: DecodeBatches<T>,
): Promise<(FetchedPartition & T)[]> {
  const reader = new ByteReader(response);
  reader.int32(); // throttle time
  const error = reader.int16();
  reader.int32(); // session
  const fetched: Promise<FetchedPartition & T>[] = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topic = reader.string() ?? '';
    for (let count = reader.int32(); count > 0; count--) {
      fetched.push(decodePartition(reader, topic, asked, decodeBatches));
    }
  }
  if (error !== 0 && fetched.length === 0) throw new RangeError(`Kafka refuses a fetch: error ${error}`);
  return Promise.all(fetched);
}

// Moves the reader past the partition before it waits for anything.
async function decodePartition<T>(
  reader: ByteReader,
  topic: string,
  asked: ReadonlyMap<string, number>,
  decodeBatches: DecodeBatches<T>,
): Promise<FetchedPartition & T> {
  const partition = reader.int32();
  const error = reader.int16();
  reader.int64(); // high watermark
  const highWatermark = reader.int64();
  const earliest = reader.int64();
  const aborted = reader.array((): AbortedTransaction => {
    const producer = reader.bytes(8).toString('latin1');
    return { producer, firstOffset: reader.int64() };
  });
  reader.int32(); // preferred read replica
  const data = reader.bytes(Math.max(0, reader.int32()));
  const from = asked.get(`${topic}/${partition}`) ?? 0;
  return { topic, partition, error, highWatermark, earliest, ...(await decodeBatches(data, from, aborted)) };
}
