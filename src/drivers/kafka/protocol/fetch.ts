import { type AbortedTransaction, type DecodedRecords, decodeRecords } from './record-batches.js';
import type { ChosenRequest, KafkaRequest } from './requests.js';
import { ByteReader, ByteWriter } from './wire.js';

export interface FetchPartition {
  readonly topic: string;
  /** Undefined: whatever topic has that name. */
  readonly id: string | undefined;
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
type DecodeBatches<T> = (data: Buffer, from: number, aborted: readonly AbortedTransaction[]) => T | Promise<T>;

const apiKey = 1;
/** The first version that names topics by their ids alone: Kafka 3.1. */
const byId = 13;

/**
 * Fetches many partitions of one broker, read committed, without a fetch session: by the topics' ids, if each has one and the broker can, so that
 * it never serves another topic of the same name.
 */
export function fetchRequest(partitions: readonly FetchPartition[], limits: FetchLimits): ChosenRequest<Fetched[]> {
  return fetchBatchesRequest(partitions, limits, decodeRecords);
}

/** The same request for a caller that has another use for the batches than their records. */
export function fetchBatchesRequest<T>(
  partitions: readonly FetchPartition[],
  limits: FetchLimits,
  decodeBatches: DecodeBatches<T>,
): ChosenRequest<(FetchedPartition & T)[]> {
  const haveIds = partitions.every(({ id }) => id !== undefined);
  return (supports) => {
    const request = haveIds && supports(apiKey, byId) ? requestById : requestByName;
    return request(partitions, limits, decodeBatches);
  };
}

function requestByName<T>(
  partitions: readonly FetchPartition[],
  limits: FetchLimits,
  decodeBatches: DecodeBatches<T>,
): KafkaRequest<(FetchedPartition & T)[]> {
  const writer = new ByteWriter(64 + partitions.length * 64);
  writeLimits(writer, limits);
  writer.array(runsByTopic(partitions), ([{ topic }, run]) => {
    writer.string(topic).array(run, ({ partition, from }) => {
      // No leader epoch, and the log start is a follower's business.
      writer.int32(partition).int32(-1).int64(from).int64(-1).int32(limits.maxPartitionBytes);
    });
  });
  const body = writer.int32(0).string('').finish();
  const asked = new Map(partitions.map((one) => [`${one.topic}/${one.partition}`, one]));
  const decode = (response: Buffer) => decodeFetch(new ByteReader(response), plainForm, asked, decodeBatches);
  return { apiKey, apiVersion: 11, name: 'Fetch', body, decode };
}

function requestById<T>(
  partitions: readonly FetchPartition[],
  limits: FetchLimits,
  decodeBatches: DecodeBatches<T>,
): KafkaRequest<(FetchedPartition & T)[]> {
  const writer = new ByteWriter(64 + partitions.length * 48);
  writeLimits(writer, limits);
  writer.compactArray(runsByTopic(partitions), ([{ id }, run]) => {
    writer.uuid(id).compactArray(run, ({ partition, from }) => {
      // Neither a leader epoch nor that of the last record, and the log start is a follower's business.
      writer.int32(partition).int32(-1).int64(from).int32(-1).int64(-1).int32(limits.maxPartitionBytes).noTags();
    });
    writer.noTags();
  });
  const body = writer
    .compactArray([], () => undefined)
    .compactString('')
    .noTags()
    .finish();
  const asked = new Map(partitions.map((one) => [`${one.id}/${one.partition}`, one]));
  const decode = (response: Buffer) => decodeFetch(new ByteReader(response), flexibleForm, asked, decodeBatches);
  return { apiKey, apiVersion: byId, name: 'Fetch', flexible: true, body, decode };
}

function writeLimits(writer: ByteWriter, limits: FetchLimits): void {
  // Replica −1 is a consumer; at least one byte unless it must not wait; isolation 1 is "read committed"; no session.
  writer
    .int32(-1)
    .int32(limits.maxWaitMs)
    .int32(limits.maxWaitMs === 0 ? 0 : 1)
    .int32(limits.maxBytes)
    .int8(1);
  writer.int32(0).int32(-1);
}

// Order matters to the broker: it fills the answer from the first partition on.
function runsByTopic(partitions: readonly FetchPartition[]): [FetchPartition, FetchPartition[]][] {
  const runs: [FetchPartition, FetchPartition[]][] = [];
  for (const one of partitions) {
    const last = runs.at(-1);
    if (last?.[0].topic === one.topic && last[0].id === one.id) last[1].push(one);
    else runs.push([one, [one]]);
  }
  return runs;
}

/** How an answer is put together in the versions by name, and in those by id. */
interface AnswerForm {
  topic(reader: ByteReader): string | null | undefined;
  length(reader: ByteReader): number;
  end(reader: ByteReader): void;
}

const plainForm: AnswerForm = {
  topic: (reader) => reader.string(),
  length: (reader) => reader.int32(),
  end: () => undefined,
};

const flexibleForm: AnswerForm = {
  topic: (reader) => reader.uuid(),
  length: (reader) => reader.uvarint() - 1,
  end: (reader) => reader.skipTags(),
};

type Asked = ReadonlyMap<string, FetchPartition>;

async function decodeFetch<T>(
  reader: ByteReader,
  form: AnswerForm,
  asked: Asked,
  decodeBatches: DecodeBatches<T>,
): Promise<(FetchedPartition & T)[]> {
  reader.int32(); // throttle time
  const error = reader.int16();
  reader.int32(); // session
  const fetched: Promise<(FetchedPartition & T) | undefined>[] = [];
  for (let topics = form.length(reader); topics > 0; topics--) {
    const topic = form.topic(reader) ?? '';
    for (let count = form.length(reader); count > 0; count--) {
      fetched.push(decodePartition(reader, form, topic, asked, decodeBatches));
    }
    form.end(reader);
  }
  if (error !== 0 && fetched.length === 0) throw new RangeError(`Kafka refuses a fetch: error ${error}`);
  return (await Promise.all(fetched)).filter((one) => one !== undefined);
}

// Moves the reader past the partition before it waits for anything.
async function decodePartition<T>(
  reader: ByteReader,
  form: AnswerForm,
  topic: string,
  asked: Asked,
  decodeBatches: DecodeBatches<T>,
): Promise<(FetchedPartition & T) | undefined> {
  const partition = reader.int32();
  const error = reader.int16();
  reader.int64(); // high watermark
  const highWatermark = reader.int64();
  const earliest = reader.int64();
  const aborted: AbortedTransaction[] = [];
  for (let left = form.length(reader); left > 0; left--) {
    const producer = reader.bytes(8).toString('latin1');
    aborted.push({ producer, firstOffset: reader.int64() });
    form.end(reader);
  }
  reader.int32(); // preferred read replica
  const data = reader.bytes(Math.max(0, form.length(reader)));
  form.end(reader);
  const one = asked.get(`${topic}/${partition}`);
  if (one === undefined) return undefined;
  const facts = { topic: one.topic, partition, error, highWatermark, earliest };
  return { ...facts, ...(await decodeBatches(data, one.from, aborted)) };
}
