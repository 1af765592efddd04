import { BusError } from '../../core/errors.js';
import { logIdOf, nameOf, type TopicRef } from '../../core/ports/topic-ref.js';
import { topicNotFound, unavailable } from './errors.js';
import type { MetadataCache } from './metadata-cache.js';
import { backoff, pause } from './pause.js';
import { codes } from './protocol/codes.js';
import type { TopicMetadata } from './protocol/metadata.js';

/** How long calls try again while a leader, or the cluster, cannot be reached. With the last request's own timeout that is about 10 s. */
export const retryForMs = 5000;

export interface Leader {
  readonly node: number;
  readonly replicas: number;
}

/**
 * Who leads which partition of which topic. A topic with an id is looked for as that one: where the cluster has another one of its name, it was
 * deleted and created anew.
 */
export interface Leaders {
  /** A topic's metadata, asked for now; undefined if there is no such topic, confirmed by a second look. Throws LOG_UNAVAILABLE. */
  topic(name: string): Promise<TopicMetadata | undefined>;
  /** From memory; undefined if it is not known, is too old, or there is none at the moment. */
  known(topic: TopicRef, partition: number): Leader | undefined;
  /** Throws TOPIC_NOT_FOUND and TOPIC_NOT_READY (it was created anew), both once confirmed, and LOG_UNAVAILABLE. */
  find(topic: TopicRef, partition: number, deadline: number): Promise<Leader>;
  /** What is known of this topic has proved wrong. */
  forget(topic: string): void;
}

// A broker may learn of a new topic a little later than its controller.
const confirmAfterMs = 250;
const looksToBeSure = 2;

export function createLeaders(metadata: MetadataCache, closing: AbortSignal): Leaders {
  function known(topic: TopicRef, partition: number): Leader | undefined {
    const found = metadata.get(nameOf(topic));
    return found && !isReplaced(topic, found) ? leaderIn(found, partition) : undefined;
  }

  async function find(topic: TopicRef, partition: number, deadline: number): Promise<Leader> {
    const name = nameOf(topic);
    const before = known(topic, partition);
    if (before !== undefined) return before;
    for (let attempt = 0, absent = 0; ; attempt++) {
      let trouble: unknown = new Error(`partition ${partition} of ${name} has no leader`);
      try {
        const found = await metadata.lookup(name);
        const why = whyNot(topic, partition, found);
        const leader = found && leaderIn(found, partition);
        if (why === undefined && leader !== undefined) return leader;
        if (why !== undefined) {
          absent += 1;
          if (absent >= looksToBeSure) throw why;
          await pause(confirmAfterMs, closing);
          continue;
        }
      } catch (error) {
        if (absent >= looksToBeSure) throw error;
        trouble = error;
      }
      if (performance.now() >= deadline) throw unavailable(`find the leader of ${name}/${partition}`, trouble);
      await pause(backoff(attempt, 1000), closing);
    }
  }

  return {
    known,
    find,
    forget: metadata.forget,
    topic: async (name) => {
      try {
        const found = await metadata.lookup(name);
        if (found !== undefined) return found;
        await pause(confirmAfterMs, closing);
        return await metadata.lookup(name);
      } catch (error) {
        throw unavailable(`describe the topic ${name}`, error);
      }
    },
  };
}

/** Whether the cluster's topic is another one of the same name. */
export function isReplaced(topic: TopicRef, found: Pick<TopicMetadata, 'id'>): boolean {
  const id = logIdOf(topic);
  return id !== undefined && found.id !== undefined && found.id !== id;
}

/** Why a partition is not to be found, beyond having no leader at the moment. */
function whyNot(topic: TopicRef, partition: number, found: TopicMetadata | undefined): BusError | undefined {
  if (found === undefined) return topicNotFound(nameOf(topic));
  if (found.error !== codes.NONE) return undefined;
  if (isReplaced(topic, found)) return BusError.topicReplaced(nameOf(topic));
  if (found.partitions.some((one) => one.partition === partition)) return undefined;
  return topicNotFound(nameOf(topic), partition);
}

function leaderIn(found: TopicMetadata, partition: number): Leader | undefined {
  const one = found.partitions.find((each) => each.partition === partition);
  return one === undefined || one.leader < 0 ? undefined : { node: one.leader, replicas: one.replicas.length };
}
