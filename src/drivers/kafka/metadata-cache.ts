import type { LogTopicFacts } from '../../core/ports/event-log.js';
import type { KafkaClient } from './kafka-client.js';
import { pause } from './pause.js';
import { codes } from './protocol/codes.js';
import { type ClusterMetadata, metadataRequest, type TopicMetadata } from './protocol/metadata.js';

/** For one request; a broker that takes longer counts as gone. */
export const requestTimeoutMs = 5000;
/** What is older is read again before it is used: a topic may have been created anew with Kafka's own tools. */
const mostAgeMs = 1000;
/** How often topics in use are read again, so that hardly any call has to wait for that. */
const refreshMs = 600;
/** A topic that nobody has asked for in this time is not in use. */
const keepMs = 10_000;

type Listener = (topic: string, facts: LogTopicFacts) => void;

/** The cluster's metadata in memory. What is in use is at most about a second old. */
export interface MetadataCache {
  /** The brokers that the cluster has told of since the start, also as holders of replicas: those that are down at the moment, too. */
  readonly brokersSeen: ReadonlySet<number>;
  /** Asks the cluster now. */
  ask(topics: readonly string[] | 'all'): Promise<ClusterMetadata>;
  /** Asks for one topic now: at most one question per topic is under way. Undefined if there is no such topic. */
  lookup(name: string): Promise<TopicMetadata | undefined>;
  /** From memory, if it is fresh enough to be relied on. */
  get(name: string): TopicMetadata | undefined;
  /** From memory if it is fresh and `isNow` does not say otherwise, or else asked for, all that are missing at once. Topics that are not there are left out. */
  fresh(names: readonly string[], isNow: boolean): Promise<Map<string, TopicMetadata>>;
  /** What is known of this topic has proved wrong. */
  forget(name: string): void;
  /** These topics are in use, until the returned function is called. */
  keep(names: () => Iterable<string>): () => void;
  /** Calls back whenever the cluster has told of a topic, until the returned function is called. */
  watch(listener: Listener): () => void;
}

interface Cached {
  readonly found: TopicMetadata;
  /** When the cluster was asked, by performance.now(). */
  readonly asked: number;
  usedAt: number;
}

export function createMetadataCache(client: KafkaClient, closing: AbortSignal): MetadataCache {
  const cache = new Map<string, Cached>();
  const lookups = new Map<string, Promise<TopicMetadata | undefined>>();
  const kept = new Set<() => Iterable<string>>();
  const listeners = new Set<Listener>();
  const brokersSeen = new Set<number>();

  async function ask(topics: readonly string[] | 'all', isUse = false): Promise<ClusterMetadata> {
    const asked = performance.now();
    const answer = await client.ask('fastest', 'metadata', metadataRequest(topics), requestTimeoutMs);
    client.learn(answer.nodes);
    for (const { id } of answer.nodes) brokersSeen.add(id);
    for (const { partitions } of answer.topics) {
      for (const { replicas } of partitions) for (const id of replicas) brokersSeen.add(id);
    }
    for (const found of answer.topics) {
      const before = cache.get(found.topic);
      if (isAbsent(found)) cache.delete(found.topic);
      // An answer that was overtaken by a later one is not taken for news.
      if (found.error !== codes.NONE || (before !== undefined && before.asked > asked)) continue;
      if (isUse || before !== undefined) {
        cache.set(found.topic, { found, asked, usedAt: before?.usedAt ?? asked });
      }
      for (const listener of [...listeners]) listener(found.topic, factsOf(found));
    }
    return answer;
  }

  function inUse(): Set<string> {
    const now = performance.now();
    const names = new Set<string>();
    for (const topics of kept) for (const name of topics()) names.add(name);
    for (const [name, { usedAt }] of cache) {
      if (now - usedAt < keepMs) names.add(name);
      else if (!names.has(name)) cache.delete(name);
    }
    return names;
  }

  async function refresh(): Promise<void> {
    while (!closing.aborted) {
      const names = inUse();
      // Where no broker answers, calls find out by themselves, and the monitor tells.
      if (names.size > 0) await ask([...names], true).catch(() => undefined);
      await pause(refreshMs, closing);
    }
  }
  refresh().catch(() => undefined);

  function get(name: string): TopicMetadata | undefined {
    const cached = cache.get(name);
    if (cached === undefined) return undefined;
    const now = performance.now();
    cached.usedAt = now;
    return now - cached.asked <= mostAgeMs ? cached.found : undefined;
  }

  return {
    brokersSeen,
    ask: (topics) => ask(topics),
    get,
    lookup(name) {
      const running = lookups.get(name);
      if (running !== undefined) return running;
      const asking = ask([name], true)
        .then((answer) => {
          const found = answer.topics.find((topic) => topic.topic === name);
          return found === undefined || isAbsent(found) ? undefined : found;
        })
        .finally(() => lookups.delete(name));
      lookups.set(name, asking);
      return asking;
    },
    async fresh(names, isNow) {
      const found = new Map<string, TopicMetadata>();
      const missing: string[] = [];
      for (const name of new Set(names)) {
        const cached = isNow ? undefined : get(name);
        if (cached === undefined) missing.push(name);
        else found.set(name, cached);
      }
      const answer = missing.length === 0 ? undefined : await ask(missing, true);
      for (const topic of answer?.topics ?? []) if (topic.error === codes.NONE) found.set(topic.topic, topic);
      return found;
    },
    forget: (name) => void cache.delete(name),
    keep(names) {
      kept.add(names);
      return () => kept.delete(names);
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function factsOf({ id, partitions }: TopicMetadata): LogTopicFacts {
  return { id, partitions: partitions.length };
}

function isAbsent({ error }: TopicMetadata): boolean {
  return error === codes.UNKNOWN_TOPIC_OR_PARTITION || error === codes.INVALID_TOPIC_EXCEPTION;
}
