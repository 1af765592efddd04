import type { ChosenRequest, KafkaRequest, NodeAddress } from './requests.js';
import { ByteReader, ByteWriter } from './wire.js';

export interface TopicMetadata {
  readonly topic: string;
  /** Tells this topic from others of the same name (KIP-516). Undefined where the broker gives topics none, before Kafka 2.8. */
  readonly id: string | undefined;
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

const apiKey = 3;
/** With topic ids, newest first: Kafka 3.1, and Kafka 2.8. */
const withIds = [12, 10] as const;

/** Of these topics, or of all. Never creates a topic. The broker's newest version that we know is used. */
export function metadataRequest(topics: readonly string[] | 'all'): ChosenRequest<ClusterMetadata> {
  return (supports) => {
    const version = withIds.find((each) => supports(apiKey, each));
    return version === undefined ? plainRequest(topics) : flexibleRequest(topics, version);
  };
}

function plainRequest(topics: readonly string[] | 'all'): KafkaRequest<ClusterMetadata> {
  const writer = new ByteWriter();
  if (topics === 'all') writer.int32(-1);
  else writer.array(topics, (topic) => writer.string(topic));
  return { apiKey, apiVersion: 6, name: 'Metadata', body: writer.int8(0).finish(), decode: decodePlain };
}

function decodePlain(response: Buffer): ClusterMetadata {
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
    id: undefined,
    error: reader.int16(),
    topic: reader.string() ?? '',
    internal: reader.int8() === 1,
    partitions: reader.array(partition),
  });
  return { controller, nodes, topics: reader.array(topic) };
}

function flexibleRequest(topics: readonly string[] | 'all', apiVersion: 10 | 12): KafkaRequest<ClusterMetadata> {
  const writer = new ByteWriter();
  writer.compactArray(topics === 'all' ? null : topics, (topic) => {
    writer.uuid(undefined).compactString(topic).noTags();
  });
  writer.int8(0); // creates no topic
  // Version 10 may be asked which operations on the cluster are allowed; both, which on the topics.
  if (apiVersion === 10) writer.int8(0);
  const body = writer.int8(0).noTags().finish();
  return { apiKey, apiVersion, name: 'Metadata', flexible: true, body, decode: decodeFlexible };
}

// What version 10 has behind the topics is not read.
function decodeFlexible(response: Buffer): ClusterMetadata {
  const reader = new ByteReader(response);
  const ended = <T>(structure: T): T => {
    reader.skipTags();
    return structure;
  };
  reader.int32(); // throttle time
  const nodes = reader.compactArray(() => {
    const node = { id: reader.int32(), host: reader.compactString() ?? '', port: reader.int32() };
    reader.compactString(); // rack
    return ended(node);
  });
  reader.compactString(); // cluster id
  const controller = reader.int32();
  const ids = () => reader.compactArray(() => reader.int32());
  const partition = () => {
    const head = { error: reader.int16(), partition: reader.int32(), leader: reader.int32() };
    reader.int32(); // leader epoch
    const one = { ...head, replicas: ids() };
    ids(); // in sync
    ids(); // offline
    return ended(one);
  };
  const topic = () => {
    const one = {
      error: reader.int16(),
      topic: reader.compactString() ?? '',
      id: reader.uuid(),
      internal: reader.int8() === 1,
      partitions: reader.compactArray(partition),
    };
    reader.int32(); // allowed operations
    return ended(one);
  };
  return { controller, nodes, topics: reader.compactArray(topic) };
}
