import { BusError } from '../errors.js';
import { redriveTopicOf } from '../parking/names.js';
import { matchesPattern } from '../topics/pattern.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import type { StreamRecord } from './records.js';

/** What the connected streams may own. */
export interface TopicsOfStreams {
  /** All topics that any of them may own partitions of, by name. */
  readonly known: ReadonlyMap<string, ActiveTopic>;
  /** By stream: the names of its topics, as far as there are such topics. */
  readonly streams: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Looks up the topics of streams. What is not in memory is looked for in coordination: throws COORDINATION_UNAVAILABLE. */
export async function topicsOf(
  topics: Topics,
  subscriber: string,
  connected: ReadonlyMap<string, StreamRecord>,
): Promise<TopicsOfStreams> {
  const known = new Map<string, ActiveTopic>();
  const named = new Set([...connected.values()].flatMap((stream) => stream.topics ?? []));
  await Promise.all(
    [...named].map(async (name) => {
      const topic = topics.peek(name) ?? (await topics.require(name).catch(ifThereIsNone));
      if (topic) known.set(name, topic);
    }),
  );
  const patterns = new Set([...connected.values()].flatMap(({ pattern }) => pattern ?? []));
  const matching = new Map([...patterns].map((pattern) => [pattern, new Set<string>()]));
  for (const topic of patterns.size > 0 ? topics.all() : []) {
    for (const [pattern, names] of matching) {
      if (!matchesPattern(pattern, topic.name)) continue;
      names.add(topic.name);
      known.set(topic.name, topic);
    }
  }
  // What was parked comes again to any stream of the subscriber.
  const redrive = topics.peek(redriveTopicOf(subscriber));
  if (redrive) known.set(redrive.name, redrive);
  const streams = [...connected].map(([id, stream]) => {
    const chosen = stream.topics ?? matching.get(stream.pattern ?? '') ?? [];
    const names = redrive ? [...chosen, redrive.name] : chosen;
    return [id, new Set([...names].filter((name) => known.has(name)))] as const;
  });
  return { known, streams: new Map(streams) };
}

function ifThereIsNone(error: unknown): undefined {
  const reasons = ['TOPIC_NOT_FOUND', 'TOPIC_NOT_MANAGED', 'TOPIC_NOT_READY', 'TOPIC_NAME_INVALID'];
  if (error instanceof BusError && reasons.includes(error.reason)) return undefined;
  throw error;
}
