import { BusError } from '../../core/errors.js';
import { type AppendRecord, type LogRecord, recordBytes } from '../../core/model.js';
import type { Clock } from '../../core/ports/clock.js';
import type {
  Appended,
  Bounds,
  LogTopic,
  LogTopicFacts,
  LogTopicSettings,
  ReadResult,
} from '../../core/ports/event-log.js';
import { logIdOf, nameOf, type TopicRef } from '../../core/ports/topic-ref.js';

const mostPartitions = 1_000;
/** What a record may have beside its payload. */
const roomBytes = 192 * 1024;

/** A partition as the world has it: nothing is ever removed but by `truncateBefore`. */
export interface Partition {
  readonly records: LogRecord[];
  earliest: number;
  /** In order: where each epoch begins. */
  readonly epochs: { readonly epoch: number; readonly first: number }[];
  /** Tails that follow it: called at once after each change. */
  readonly followers: Set<() => void>;
}

/** One life of a topic. */
export interface MemoryTopic {
  settings: LogTopic;
  readonly partitions: Partition[];
  gone: boolean;
}

/** The log itself: every operation happens at once, and throws BusErrors. */
export interface MemoryTopics {
  find(name: string): MemoryTopic | undefined;
  /** Throws TOPIC_NOT_FOUND, TOPIC_NOT_READY. */
  partition(topic: TopicRef, partition: number): Partition;
  names(): string[];
  create(name: string, settings: LogTopicSettings): void;
  update(name: string, settings: Partial<LogTopicSettings>): void;
  delete(name: string): void;
  append(topic: TopicRef, partition: number, records: readonly AppendRecord[]): Appended;
  truncate(topic: TopicRef, partition: number, offset: number): void;
  /** Loses the records from `offset` on, as an unclean election of a leader does. A new epoch begins. */
  lose(topic: TopicRef, partition: number, offset: number): void;
  /** Calls back at once when a topic was created or has got partitions, until the returned function is called. */
  onChange(listener: (name: string, facts: LogTopicFacts) => void): () => void;
  /** Bytes by partition. */
  size(topic: TopicRef): number[];
}

export function createMemoryTopics(clock: Clock): MemoryTopics {
  const topics = new Map<string, MemoryTopic>();

  const listeners = new Set<(name: string, facts: LogTopicFacts) => void>();
  let lives = 0;

  function find(ref: TopicRef): MemoryTopic {
    const name = nameOf(ref);
    const id = logIdOf(ref);
    const topic = topics.get(name);
    if (topic === undefined) throw new BusError('TOPIC_NOT_FOUND', `there is no topic ${name}`);
    if (id !== undefined && topic.settings.id !== id) throw BusError.topicReplaced(name);
    return topic;
  }

  function partitionOf(topic: TopicRef, partition: number): Partition {
    const found = find(topic).partitions[partition];
    if (found === undefined) {
      throw new BusError('TOPIC_NOT_FOUND', `topic ${nameOf(topic)} has no partition ${partition}`);
    }
    return found;
  }

  const tell = (name: string, topic: MemoryTopic) => {
    for (const listener of [...listeners]) listener(name, factsOf(topic));
  };

  const grow = (topic: MemoryTopic) => {
    while (topic.partitions.length < topic.settings.partitions) {
      topic.partitions.push({ records: [], earliest: 0, epochs: [{ epoch: 0, first: 0 }], followers: new Set() });
    }
  };

  const changed = ({ followers }: Partition) => {
    for (const follower of [...followers]) follower();
  };

  return {
    find: (name) => topics.get(name),
    partition: partitionOf,
    names: () => [...topics.keys()].filter((name) => !name.startsWith('__')),
    create(name, settings) {
      if (topics.has(name)) throw new BusError('TOPIC_ALREADY_EXISTS', `topic ${name} exists already`);
      lives += 1;
      const topic: MemoryTopic = { settings: complete(settings, `life-${lives}`), partitions: [], gone: false };
      grow(topic);
      topics.set(name, topic);
      tell(name, topic);
    },
    update(name, changes) {
      const topic = find(name);
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
      const settings = complete({ ...topic.settings, ...given }, topic.settings.id);
      if (settings.partitions < topic.settings.partitions) {
        throw new BusError('TOPIC_SETTINGS_INVALID', `topic ${name}: partitions can be added, never removed`);
      }
      topic.settings = settings;
      grow(topic);
      tell(name, topic);
    },
    delete(name) {
      const topic = find(name);
      topic.gone = true;
      topics.delete(name);
      topic.partitions.forEach(changed);
    },
    append(topic, number, records) {
      const partition = partitionOf(topic, number);
      const { maxBatchBytes } = find(topic).settings;
      const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
      if (bytes > maxBatchBytes) {
        throw new BusError(
          'EVENT_TOO_LARGE',
          `${bytes} bytes: topic ${nameOf(topic)} takes at most ${maxBatchBytes} at once`,
        );
      }
      const baseOffset = partition.records.length;
      const timestamp = Math.max(Math.floor(clock.wallTime()), partition.records.at(-1)?.timestamp ?? 0);
      records.forEach((record, i) => {
        partition.records.push({ ...copyOf(record), offset: baseOffset + i, timestamp });
      });
      changed(partition);
      return { baseOffset, timestamp };
    },
    truncate(topic, number, offset) {
      const partition = partitionOf(topic, number);
      partition.earliest = Math.max(partition.earliest, Math.min(offset, partition.records.length));
      changed(partition);
    },
    lose(topic, number, offset) {
      const partition = partitionOf(topic, number);
      const epoch = epochOf(partition) + 1;
      partition.records.length = Math.min(partition.records.length, offset);
      while ((partition.epochs.at(-1)?.first ?? -1) >= offset) partition.epochs.pop();
      partition.epochs.push({ epoch, first: partition.records.length });
      changed(partition);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    size: (topic) =>
      find(topic).partitions.map(({ records, earliest }) =>
        records.slice(earliest).reduce((sum, record) => sum + recordBytes(record), 0),
      ),
  };
}

export function factsOf({ settings: { id, partitions } }: MemoryTopic): LogTopicFacts {
  return { id, partitions };
}

const epochOf = ({ epochs }: Partition): number => epochs.at(-1)?.epoch ?? 0;

/** See `EventLog.divergence`. */
export function divergenceOf({ epochs, records }: Partition, offset: number, epoch: number): number | undefined {
  const end = epochs.find((each) => each.epoch > epoch)?.first ?? records.length;
  return offset > end ? end : undefined;
}

export function boundsOf(partition: Partition): Bounds {
  const { earliest, records } = partition;
  return { earliest, highWatermark: records.length, epoch: epochOf(partition) };
}

export function readFrom(partition: Partition, from: number, maxBytes: number): ReadResult {
  const bounds = boundsOf(partition);
  if (from < bounds.earliest) return { outcome: 'expired', ...bounds };
  if (from > bounds.highWatermark) return { outcome: 'ahead', ...bounds };
  let to = from;
  for (let bytes = 0; to < bounds.highWatermark && bytes < maxBytes; to++) {
    const record = partition.records[to];
    bytes += record ? recordBytes(record) : 0;
    if (bytes > maxBytes && to > from) break;
  }
  return { outcome: 'ok', records: partition.records.slice(from, to), nextOffset: to, ...bounds };
}

/** The caller may use its arrays again. */
function copyOf({ key, value, headers }: AppendRecord): AppendRecord {
  const copy = (bytes: Uint8Array) => Uint8Array.from(bytes);
  return {
    key: key && copy(key),
    value: value && copy(value),
    headers: headers.map(([name, bytes]) => [name, copy(bytes)] as const),
  };
}

function complete(settings: LogTopicSettings, id: string | undefined): LogTopic {
  const { partitions, retentionMs, retentionBytes, maxEventBytes, replicationFactor, minInsyncReplicas } = settings;
  if ((replicationFactor ?? 1) !== 1 || (minInsyncReplicas ?? 1) !== 1) {
    throw new BusError('TOPIC_SETTINGS_INVALID', 'the log in memory keeps one copy');
  }
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > mostPartitions) {
    throw new BusError('TOPIC_SETTINGS_INVALID', `partitions must be 1 to ${mostPartitions}, not ${partitions}`);
  }
  return {
    id,
    partitions,
    retentionMs,
    retentionBytes,
    maxEventBytes,
    replicationFactor: 1,
    minInsyncReplicas: 1,
    maxBatchBytes: Math.max(maxEventBytes, 1024 * 1024) + roomBytes,
    compacted: false,
    publisherTime: false,
  };
}
