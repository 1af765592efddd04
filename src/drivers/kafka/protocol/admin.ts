import { firstOf, type KafkaRequest } from './requests.js';
import { ByteReader, ByteWriter } from './wire.js';

/** What became of a request to change something. */
export interface AdminOutcome {
  readonly error: number;
  /** The broker's own words. */
  readonly message: string | null;
}

type Entries = Readonly<Record<string, string>>;

export function createTopicRequest(
  topic: string,
  partitions: number,
  replicationFactor: number,
  configs: Entries,
  timeoutMs: number,
): KafkaRequest<AdminOutcome> {
  const writer = new ByteWriter().int32(1).string(topic).int32(partitions).int16(replicationFactor).int32(0);
  writer.array(Object.entries(configs), ([name, value]) => writer.string(name).string(value));
  const body = writer.int32(timeoutMs).int8(0).finish();
  return { apiKey: 19, apiVersion: 3, name: 'CreateTopics', body, decode: outcomeByName('CreateTopics') };
}

export function createPartitionsRequest(topic: string, total: number, timeoutMs: number): KafkaRequest<AdminOutcome> {
  const body = new ByteWriter().int32(1).string(topic).int32(total).int32(-1).int32(timeoutMs).int8(0).finish();
  return { apiKey: 37, apiVersion: 1, name: 'CreatePartitions', body, decode: outcomeByName('CreatePartitions') };
}

export function deleteTopicRequest(topic: string, timeoutMs: number): KafkaRequest<AdminOutcome> {
  const writer = new ByteWriter().int32(1).string(topic).int32(timeoutMs);
  return {
    apiKey: 20,
    apiVersion: 3,
    name: 'DeleteTopics',
    body: writer.finish(),
    decode: (response) => {
      const reader = new ByteReader(response);
      reader.int32(); // throttle time
      const answers = reader.array(() => {
        reader.string();
        return { error: reader.int16(), message: null };
      });
      return firstOf(answers, 'DeleteTopics');
    },
  };
}

function outcomeByName(name: string): (response: Buffer) => AdminOutcome {
  return (response) => {
    const reader = new ByteReader(response);
    reader.int32(); // throttle time
    const answers = reader.array(() => {
      reader.string();
      return { error: reader.int16(), message: reader.string() };
    });
    return firstOf(answers, name);
  };
}

/** Sets these of a topic's configs, and leaves the others. */
export function alterTopicRequest(topic: string, configs: Entries): KafkaRequest<AdminOutcome> {
  const writer = new ByteWriter().int32(1).int8(2).string(topic);
  writer.array(Object.entries(configs), ([name, value]) => writer.string(name).int8(0).string(value));
  return {
    apiKey: 44,
    apiVersion: 0,
    name: 'IncrementalAlterConfigs',
    body: writer.int8(0).finish(),
    decode: (response) => {
      const reader = new ByteReader(response);
      reader.int32(); // throttle time
      const answers = reader.array(() => {
        const outcome = { error: reader.int16(), message: reader.string() };
        reader.int8();
        reader.string();
        return outcome;
      });
      return firstOf(answers, 'IncrementalAlterConfigs');
    },
  };
}

export interface TopicConfigs extends AdminOutcome {
  /** By name, defaults included. */
  readonly configs: ReadonlyMap<string, string>;
}

export function describeTopicRequest(topic: string, names: readonly string[]): KafkaRequest<TopicConfigs> {
  const writer = new ByteWriter().int32(1).int8(2).string(topic);
  writer.array(names, (name) => writer.string(name)).int8(0);
  return {
    apiKey: 32,
    apiVersion: 2,
    name: 'DescribeConfigs',
    body: writer.finish(),
    decode: (response) => {
      const reader = new ByteReader(response);
      reader.int32(); // throttle time
      const answers = reader.array(() => {
        const outcome = { error: reader.int16(), message: reader.string() };
        reader.int8();
        reader.string();
        const configs = new Map<string, string>();
        reader.array(() => {
          const name = reader.string();
          const value = reader.string();
          reader.bytes(3); // read only, source, sensitive
          reader.array(() => [reader.string(), reader.string(), reader.int8()]); // synonyms
          if (name !== null && value !== null) configs.set(name, value);
        });
        return { ...outcome, configs };
      });
      return firstOf(answers, 'DescribeConfigs');
    },
  };
}

/** Asks a partition's leader to remove the records below `offset`. */
export function deleteRecordsRequest(
  topic: string,
  partition: number,
  offset: number,
  timeoutMs: number,
): KafkaRequest<AdminOutcome> {
  const writer = new ByteWriter().int32(1).string(topic).int32(1).int32(partition).int64(offset).int32(timeoutMs);
  return {
    apiKey: 21,
    apiVersion: 1,
    name: 'DeleteRecords',
    body: writer.finish(),
    decode: (response) => {
      const reader = new ByteReader(response);
      reader.int32(); // throttle time
      const [answers] = reader.array(() => {
        reader.string();
        return reader.array(() => {
          reader.int32();
          reader.int64(); // new start
          return { error: reader.int16(), message: null };
        });
      });
      return firstOf(answers, 'DeleteRecords');
    },
  };
}

/** The bytes of a broker's log files, on all its disks, by partition; undefined where it does not tell us. */
type LogDirs = ReadonlyMap<number, number> | undefined;

export function describeLogDirsRequest(topic: string, partitions: readonly number[]): KafkaRequest<LogDirs> {
  const writer = new ByteWriter().int32(1).string(topic);
  writer.array(partitions, (partition) => writer.int32(partition));
  return {
    apiKey: 35,
    apiVersion: 1,
    name: 'DescribeLogDirs',
    body: writer.finish(),
    decode: (response) => {
      const reader = new ByteReader(response);
      reader.int32(); // throttle time
      const bytes = new Map<number, number>();
      const disks = reader.array(() => {
        reader.int16(); // an error of this disk; it then names no partitions
        reader.string(); // its path
        reader.array(() => {
          reader.string();
          reader.array(() => {
            const partition = reader.int32();
            const size = reader.int64();
            reader.int64(); // how far it lags
            // A replica that is being moved to another disk is a second copy.
            if (reader.int8() === 0) bytes.set(partition, size);
          });
        });
      });
      return disks.length > 0 ? bytes : undefined;
    },
  };
}
