import { topicNotFound, unavailable } from './errors.js';
import type { KafkaClient } from './kafka-client.js';
import { backoff, pause } from './pause.js';
import { codes } from './protocol/codes.js';
import { type ClusterMetadata, metadataRequest, type TopicMetadata } from './protocol/requests.js';

/** How long calls try again while a leader, or the cluster, cannot be reached. With the last request's own timeout that is about 10 s. */
export const retryForMs = 5000;
/** For one request; a broker that takes longer counts as gone. */
export const requestTimeoutMs = 5000;

export interface Leader {
  readonly node: number;
  readonly replicas: number;
}

/** Who leads which partition: a cache of the cluster's metadata. */
export interface Leaders {
  metadata(topics: readonly string[] | 'all'): Promise<ClusterMetadata>;
  /** A topic's metadata; undefined if there is no such topic, confirmed by a second look. Throws LOG_UNAVAILABLE. */
  topic(name: string): Promise<TopicMetadata | undefined>;
  /** From memory; undefined if it is not known, or there is none at the moment. */
  known(topic: string, partition: number): Leader | undefined;
  /** Throws TOPIC_NOT_FOUND, once confirmed, and LOG_UNAVAILABLE. */
  find(topic: string, partition: number, deadline: number): Promise<Leader>;
  /** What is known of this topic has proved wrong. */
  forget(topic: string): void;
}

// A broker may learn of a new topic a little later than its controller.
const confirmAfterMs = 250;

export function createLeaders(client: KafkaClient, closing: AbortSignal): Leaders {
  const cache = new Map<string, TopicMetadata>();
  const lookups = new Map<string, Promise<TopicMetadata | undefined>>();

  async function metadata(topics: readonly string[] | 'all'): Promise<ClusterMetadata> {
    const answer = await client.ask('any', 'control', metadataRequest(topics), requestTimeoutMs);
    client.learn(answer.nodes);
    for (const topic of answer.topics) {
      if (topic.error === codes.UNKNOWN_TOPIC_OR_PARTITION) cache.delete(topic.topic);
      else if (cache.has(topic.topic)) cache.set(topic.topic, topic);
    }
    return answer;
  }

  // At most one question per topic is under way.
  function lookup(name: string): Promise<TopicMetadata | undefined> {
    const running = lookups.get(name);
    if (running !== undefined) return running;
    const asking = metadata([name])
      .then((answer) => {
        const found = answer.topics.find((topic) => topic.topic === name);
        if (found === undefined || isAbsent(found)) return undefined;
        if (found.error === codes.NONE) cache.set(name, found);
        return found;
      })
      .finally(() => lookups.delete(name));
    lookups.set(name, asking);
    return asking;
  }

  function known(topic: string, partition: number): Leader | undefined {
    const found = cache.get(topic)?.partitions.find((one) => one.partition === partition);
    return found === undefined || found.leader < 0
      ? undefined
      : { node: found.leader, replicas: found.replicas.length };
  }

  async function find(topic: string, partition: number, deadline: number): Promise<Leader> {
    for (let attempt = 0, absent = 0; ; attempt++) {
      const leader = known(topic, partition);
      if (leader !== undefined) return leader;
      let trouble: unknown = new Error(`partition ${partition} of ${topic} has no leader`);
      try {
        const found = await lookup(topic);
        if (known(topic, partition) !== undefined) continue;
        const missing = found === undefined || !found.partitions.some((one) => one.partition === partition);
        if (missing && (found === undefined || found.error === codes.NONE)) {
          absent += 1;
          if (absent >= 2) throw found === undefined ? topicNotFound(topic) : topicNotFound(topic, partition);
          await pause(confirmAfterMs, closing);
          continue;
        }
      } catch (error) {
        if (absent >= 2) throw error;
        trouble = error;
      }
      if (performance.now() >= deadline) throw unavailable(`find the leader of ${topic}/${partition}`, trouble);
      await pause(backoff(attempt, 1000), closing);
    }
  }

  return {
    metadata,
    known,
    find,
    forget: (topic) => void cache.delete(topic),
    topic: async (name) => {
      try {
        const found = await lookup(name);
        if (found !== undefined) return found;
        await pause(confirmAfterMs, closing);
        return await lookup(name);
      } catch (error) {
        throw unavailable(`describe the topic ${name}`, error);
      }
    },
  };
}

function isAbsent(topic: TopicMetadata): boolean {
  return topic.error === codes.UNKNOWN_TOPIC_OR_PARTITION || topic.error === codes.INVALID_TOPIC_EXCEPTION;
}
