import { BusError } from '../../core/errors.js';
import { MutableStatus } from '../../core/ports/dependency.js';
import type { EventLog, LogTail } from '../../core/ports/event-log.js';
import { append } from './appends.js';
import { type KafkaClientName, loadClient } from './clients.js';
import { createKafkaClient } from './kafka-client.js';
import { createLeaders } from './leaders.js';
import { startMonitor } from './monitor.js';
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

/**
 * The event log in Kafka (2.4 or newer). Resolves at once: connects in the background, and keeps trying; `status` tells. Records are
 * stored as they are, uncompressed, with acks=all; reads are "read committed", so that a high watermark is Kafka's last stable offset.
 * After STORE_OUTCOME_UNKNOWN nothing is sent again from here.
 */
export async function openKafka(options: KafkaOptions): Promise<EventLog> {
  const clientId = options.clientId ?? 'mainstem';
  const connect = await loadClient(options.client);
  const client = createKafkaClient({ brokers: options.brokers, clientId }, connect);
  const status = new MutableStatus(`kafka ${options.brokers.join(',')}`);
  const closing = new AbortController();
  const leaders = createLeaders(client, closing.signal);
  const monitor = startMonitor(client, leaders, status);
  const topics = createKafkaTopics(client, leaders, closing.signal);
  const reads = createReads(client, leaders, closing.signal);
  const appending = new Set<Promise<unknown>>();
  const tails = new Set<LogTail>();

  const throwIfClosed = () => closing.signal.throwIfAborted();
  let ending: Promise<void> | undefined;

  async function end(): Promise<void> {
    closing.abort(new BusError('LOG_UNAVAILABLE', 'the connection to Kafka is closed'));
    await Promise.allSettled([...appending]);
    // What is still asked fails at once, and so ends the loops.
    client.close();
    await Promise.all([monitor.close(), ...[...tails].map((tail) => tail.close())]);
  }

  return {
    driver: 'kafka',
    status,
    createTopic: topics.create,
    updateTopic: topics.update,
    deleteTopic: topics.delete,
    describeTopic: topics.describe,
    listTopics: topics.list,
    append: async (topic, partition, records, isWanted) => {
      throwIfClosed();
      const storing = append(client, leaders, closing.signal, topic, partition, records, isWanted);
      appending.add(storing);
      try {
        return await storing;
      } finally {
        appending.delete(storing);
      }
    },
    openTail: (sink) => {
      const tail = openTail({ client, leaders, reads, report: monitor.note }, sink);
      const close = async () => {
        tails.delete(tail);
        await tail.close();
      };
      tails.add(tail);
      return { ...tail, close };
    },
    read: reads.read,
    bounds: reads.bounds,
    offsetForTime: reads.offsetForTime,
    size: (topic) => topicSize(client, leaders, topic),
    truncateBefore: reads.truncateBefore,
    close: () => {
      ending ??= end();
      return ending;
    },
  };
}
