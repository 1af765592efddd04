import { BusError } from '../../core/errors.js';
import { MutableStatus } from '../../core/ports/dependency.js';
import type { Appended, EventLog, LogTail } from '../../core/ports/event-log.js';
import { logIdOf, nameOf } from '../../core/ports/topic-ref.js';
import { append, type Batch } from './appends.js';
import { type KafkaClientName, loadClient } from './clients.js';
import { unavailable } from './errors.js';
import { createKafkaClient } from './kafka-client.js';
import { createLeaders } from './leaders.js';
import { createMetadataCache, factsOf } from './metadata-cache.js';
import { startMonitor } from './monitor.js';
import { createPartitionSequences } from './partition-sequences.js';
import { createProducerIdentity } from './producer-identity.js';
import { createReads } from './reads.js';
import { openTail } from './tail.js';
import { topicSize } from './topic-size.js';
import { createKafkaTopics } from './topics.js';

interface KafkaOptions {
  /** `host:port` each, at least one; others of the cluster are found through them. Throws a TypeError on a malformed one. */
  readonly brokers: readonly string[];
  /** How the brokers' logs and quotas know us. Default `mainstem`. */
  readonly clientId?: string | undefined;
  /** The library that carries the connections. */
  readonly client: KafkaClientName;
}

/** How long an append is tried where its caller does not say. */
const defaultPatienceMs = 15_000;

/**
 * The event log in Kafka (2.4 or newer). Resolves at once: connects in the background, and keeps trying; `status` tells. Records are
 * stored as they are, uncompressed, with acks=all, by an idempotent producer; reads are "read committed", so that a high watermark is Kafka's last stable
 * offset.
 */
export async function openKafka(options: KafkaOptions): Promise<EventLog> {
  const clientId = options.clientId ?? 'mainstem';
  const connect = await loadClient(options.client);
  const client = createKafkaClient({ brokers: options.brokers, clientId }, connect);
  const status = new MutableStatus(`kafka ${options.brokers.join(',')}`);
  const closing = new AbortController();
  const metadata = createMetadataCache(client, closing.signal);
  const leaders = createLeaders(metadata, closing.signal);
  const monitor = startMonitor(client, metadata, status);
  const topics = createKafkaTopics(client, metadata, leaders, closing.signal);
  const reads = createReads(client, leaders, closing.signal);
  const sequences = createPartitionSequences(createProducerIdentity(client, closing.signal));
  const report = monitor.publishing;
  const appendParts = { client, leaders, reads, sequences, closing: closing.signal, report };
  /** By `topic/partition`. */
  const appending = new Map<string, Promise<unknown>>();
  const tails = new Set<LogTail>();

  const throwIfClosed = () => closing.signal.throwIfAborted();
  let ending: Promise<void> | undefined;

  // Two batches of one partition at a time would get the same sequence, and the broker would drop one of them as a duplicate.
  async function appendInTurn(batch: Batch): Promise<Appended> {
    const key = `${batch.topic}/${batch.partition}`;
    for (let before = appending.get(key); before !== undefined; before = appending.get(key)) {
      await before.catch(() => undefined);
    }
    throwIfClosed();
    const storing = append(appendParts, batch);
    appending.set(key, storing);
    try {
      return await storing;
    } finally {
      if (appending.get(key) === storing) appending.delete(key);
    }
  }

  async function end(): Promise<void> {
    closing.abort(new BusError('LOG_UNAVAILABLE', 'the connection to Kafka is closed'));
    await Promise.allSettled(appending.values());
    // What is still asked fails at once, and so ends the loops.
    client.close();
    await Promise.all([monitor.close(), ...[...tails].map((tail) => tail.close())]);
  }

  return {
    driver: 'kafka',
    status,
    createTopic: topics.create,
    updateTopic: topics.update,
    deleteTopic: async (topic, check) => {
      await topics.delete(topic, check);
      sequences.forget(topic);
    },
    describeTopic: topics.describe,
    listTopics: topics.list,
    async topicFacts(names, isNow = false) {
      const found = await metadata.fresh(names, isNow).catch((error: unknown) => {
        throw unavailable('describe topics', error);
      });
      return new Map([...found].map(([name, topic]) => [name, factsOf(topic)]));
    },
    onTopicFacts: metadata.watch,
    append: async (topic, partition, records, isWanted, patienceMs = defaultPatienceMs) =>
      appendInTurn({ topic: nameOf(topic), logId: logIdOf(topic), partition, records, isWanted, patienceMs }),
    openTail: (sink) => {
      const tail = openTail({ client, metadata, leaders, reads, report: monitor.reading }, sink);
      const close = async () => {
        tails.delete(tail);
        await tail.close();
      };
      tails.add(tail);
      return { ...tail, close };
    },
    read: reads.read,
    bounds: reads.bounds,
    divergence: reads.divergence,
    offsetForTime: reads.offsetForTime,
    size: (topic) => topicSize(client, leaders, topic),
    truncateBefore: reads.truncateBefore,
    close: () => {
      ending ??= end();
      return ending;
    },
  };
}
