import { ByteReader, ByteWriter } from './wire.js';

/** A request without its header, and how to read its answer. */
export interface KafkaRequest<T> {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly name: string;
  readonly body: Buffer;
  decode(response: Buffer): T | Promise<T>;
}

export interface NodeAddress {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

export interface TopicMetadata {
  readonly topic: string;
  readonly error: number;
  readonly internal: boolean;
  readonly partitions: readonly {
    readonly error: number;
    readonly partition: number;
    /** −1: none. */
    readonly leader: number;
    readonly replicas: readonly number[];
  }[];
}

export interface ClusterMetadata {
  /** Who changes topics; −1: nobody. With KRaft it is any broker, and passes requests on. */
  readonly controller: number;
  readonly nodes: readonly NodeAddress[];
  readonly topics: readonly TopicMetadata[];
}

/** Of these topics, or of all. Never creates a topic. */
export function metadataRequest(topics: readonly string[] | 'all'): KafkaRequest<ClusterMetadata> {
  const writer = new ByteWriter();
  if (topics === 'all') writer.int32(-1);
  else writer.array(topics, (topic) => writer.string(topic));
  return {
    apiKey: 3,
    apiVersion: 6,
    name: 'Metadata',
    body: writer.int8(0).finish(),
    decode: (response) => {
      const reader = new ByteReader(response);
      reader.int32(); // throttle time
      const nodes = reader.array(() => {
        const node = { id: reader.int32(), host: reader.string() ?? '', port: reader.int32() };
        reader.string(); // rack
        return node;
      });
      reader.string(); // cluster id
      const controller = reader.int32();
      const ids = () => reader.array(() => reader.int32());
      const partition = () => {
        const one = { error: reader.int16(), partition: reader.int32(), leader: reader.int32(), replicas: ids() };
        ids(); // in sync
        ids(); // offline
        return one;
      };
      const topic = () => ({
        error: reader.int16(),
        topic: reader.string() ?? '',
        internal: reader.int8() === 1,
        partitions: reader.array(partition),
      });
      return { controller, nodes, topics: reader.array(topic) };
    },
  };
}

/** Timestamps with a meaning of their own. */
export const earliestOffset = -2;
export const latestOffset = -1;

export interface ListedOffset {
  readonly error: number;
  /** −1 where no record is that late. */
  readonly offset: number;
}

/** One partition's offset for a timestamp (ms, or `earliestOffset`, `latestOffset`), read committed: "latest" is the last stable offset. */
export function listOffsetsRequest(topic: string, partition: number, timestamp: number): KafkaRequest<ListedOffset> {
  const writer = new ByteWriter().int32(-1).int8(1).int32(1).string(topic).int32(1).int32(partition).int64(timestamp);
  return {
    apiKey: 2,
    apiVersion: 3,
    name: 'ListOffsets',
    body: writer.finish(),
    decode: (response) => {
      const reader = new ByteReader(response);
      reader.int32(); // throttle time
      const [result] = reader.array(() => {
        reader.string();
        return reader.array(() => {
          reader.int32();
          const error = reader.int16();
          reader.int64(); // timestamp
          return { error, offset: reader.int64() };
        });
      });
      return firstOf(result, 'ListOffsets');
    },
  };
}

/** The answer for the one thing that was asked. */
export function firstOf<T>(items: readonly T[] | undefined, name: string): T {
  const first = items?.[0];
  if (first === undefined) throw new RangeError(`Kafka's answer to ${name} does not cover what was asked`);
  return first;
}
