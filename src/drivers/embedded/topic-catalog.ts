import { BusError } from '../../core/errors.js';
import type { LogTopic, LogTopicSettings } from '../../core/ports/event-log.js';
import { loadPartition } from './partition.js';
import type { Store } from './store.js';
import type { Partition, StoredSettings, Topic } from './topic.js';
import { whenCommitted } from './when-committed.js';
import type { Mutation } from './write-queue.js';

/** The topics of a log: all in memory, each change durable before it takes effect. */
export interface TopicCatalog {
  all(): Iterable<Topic>;
  /** Undefined where there is none. */
  find(name: string): Topic | undefined;
  /** Throws TOPIC_NOT_FOUND. */
  require(name: string): Topic;
  partition(name: string, partition: number): Partition;
  create(name: string, settings: LogTopicSettings): Promise<void>;
  update(name: string, settings: Partial<LogTopicSettings>): Promise<void>;
  /** Resolves when its name is free; its records are still to be removed. */
  delete(name: string): Promise<void>;
}

const MAX_PARTITIONS = 1_000;
const ROOM_BYTES = 192 * 1024;
const nextNumberKey = Buffer.from('next-topic-number');

export const numberKey = (number: number): Buffer => {
  const key = Buffer.allocUnsafe(4);
  key.writeUInt32BE(number);
  return key;
};

export function describe({ settings }: Topic): LogTopic {
  return {
    ...settings,
    id: undefined,
    replicationFactor: 1,
    minInsyncReplicas: 1,
    maxBatchBytes: Math.max(settings.maxEventBytes, 1024 * 1024) + ROOM_BYTES,
    compacted: false,
    publisherTime: false,
  };
}

/** Reads all topics. `deleted` is told of each topic that is no more. */
export function topicCatalog(store: Store, deleted: (topic: Topic) => void): TopicCatalog {
  const topics = new Map<string, Topic>();
  /** Names whose creation, change or deletion is being written. */
  const busy = new Set<string>();
  const stored = store.meta.getBinary(nextNumberKey);
  let nextNumber = stored === undefined ? 1 : Buffer.from(stored).readUInt32BE();
  for (const { key, value } of store.topics.getRange({ start: Buffer.from([0]) })) {
    const topic = parseTopic(Buffer.from(key).toString(), value);
    topic.partitions = Array.from({ length: topic.settings.partitions }, (_, i) => loadPartition(store, topic, i));
    topics.set(topic.name, topic);
  }

  const require = (name: string): Topic => {
    const topic = topics.get(name);
    if (topic === undefined || topic.gone) throw notFound(name);
    return topic;
  };

  /** Writes a change of one name while no other change of it is in flight. */
  const change = (
    name: string,
    steps: { plan(): readonly Mutation[]; committed(): void; failed?(): void },
  ): Promise<void> =>
    whenCommitted(store.queue, {
      bytes: 500,
      plan() {
        if (busy.has(name)) return 'later';
        const planned = steps.plan();
        busy.add(name);
        return planned;
      },
      committed() {
        busy.delete(name);
        steps.committed();
      },
      failed() {
        busy.delete(name);
        steps.failed?.();
      },
    });

  return {
    all: () => topics.values(),
    find(name) {
      const topic = topics.get(name);
      return topic?.gone === true ? undefined : topic;
    },
    require,
    partition(name, partition) {
      const found = require(name).partitions[partition];
      if (found === undefined) throw new BusError('TOPIC_NOT_FOUND', `topic ${name} has no partition ${partition}`);
      return found;
    },

    async create(name, input) {
      const settings = checkSettings(input);
      const topic: Topic = { name, number: nextNumber, settings, partitions: [], gone: false };
      // Taken at once, and never given back: a number that was not used is only skipped.
      nextNumber += 1;
      await change(name, {
        plan() {
          if (topics.has(name)) throw new BusError('TOPIC_ALREADY_EXISTS', `topic ${name} exists already`);
          return [
            { database: store.meta, key: nextNumberKey, value: numberKey(nextNumber) },
            { database: store.topics, key: Buffer.from(name), value: serializeTopic(topic) },
          ];
        },
        committed() {
          topic.partitions = Array.from({ length: settings.partitions }, (_, i) => loadPartition(store, topic, i));
          topics.set(name, topic);
        },
      });
    },

    async update(name, input) {
      let topic = require(name);
      let settings = topic.settings;
      await change(name, {
        plan() {
          topic = require(name);
          settings = checkSettings({ ...topic.settings, ...defined(input) });
          const { partitions } = topic.settings;
          if (settings.partitions < partitions) {
            const message = `topic ${name} has ${partitions} partitions: partitions can be added, never removed`;
            throw new BusError('TOPIC_SETTINGS_INVALID', message);
          }
          return [{ database: store.topics, key: Buffer.from(name), value: serializeTopic({ ...topic, settings }) }];
        },
        committed() {
          for (let i = topic.settings.partitions; i < settings.partitions; i++) {
            topic.partitions.push(loadPartition(store, topic, i));
          }
          topic.settings = settings;
        },
      });
    },

    async delete(name) {
      let topic = require(name);
      await change(name, {
        plan() {
          topic = require(name);
          topic.gone = true;
          return [
            { database: store.topics, key: Buffer.from(name), value: null },
            { database: store.deleted, key: numberKey(topic.number), value: Buffer.from(name) },
          ];
        },
        committed() {
          topics.delete(name);
          deleted(topic);
        },
        failed() {
          topic.gone = false;
        },
      });
    },
  };
}

export const notFound = (name: string) => new BusError('TOPIC_NOT_FOUND', `there is no topic ${name}`);

const defined = (settings: Partial<LogTopicSettings>): Partial<LogTopicSettings> =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));

function checkSettings(settings: LogTopicSettings): StoredSettings {
  const { partitions, retentionMs, retentionBytes, maxEventBytes, replicationFactor, minInsyncReplicas } = settings;
  const refuse = (message: string) => new BusError('TOPIC_SETTINGS_INVALID', message);
  if ((replicationFactor ?? 1) !== 1 || (minInsyncReplicas ?? 1) !== 1) {
    throw refuse('the embedded log keeps one copy: replication_factor and min_insync_replicas can only be 1');
  }
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > MAX_PARTITIONS) {
    throw refuse(`partitions must be 1 to ${MAX_PARTITIONS}, not ${partitions}`);
  }
  for (const [name, value] of Object.entries({ retentionMs, retentionBytes })) {
    if (!Number.isSafeInteger(value) || value < 0) throw refuse(`${name} must be 0 or more, not ${value}`);
  }
  if (!Number.isSafeInteger(maxEventBytes) || maxEventBytes < 1 || maxEventBytes > 64 * 1024 * 1024) {
    throw refuse(`maxEventBytes must be 1 to 64 MiB, not ${maxEventBytes}`);
  }
  return { partitions, retentionMs, retentionBytes, maxEventBytes };
}

const serializeTopic = ({ number, settings }: Pick<Topic, 'number' | 'settings'>): Buffer =>
  Buffer.from(JSON.stringify({ number, ...settings }));

function parseTopic(name: string, value: Uint8Array): Topic {
  const parsed: Partial<LogTopicSettings> & { readonly number?: number } = JSON.parse(Buffer.from(value).toString());
  const { number, partitions = 0, retentionMs = 0, retentionBytes = 0, maxEventBytes = 0 } = parsed;
  if (number === undefined || !Number.isInteger(number)) throw new Error(`topic ${name} has no number`);
  const settings = checkSettings({ partitions, retentionMs, retentionBytes, maxEventBytes });
  return { name, number, settings, partitions: [], gone: false };
}
