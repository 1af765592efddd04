import { BusError } from '../errors.js';
import { readStreamRecord, streamPath, streamsPath } from '../offsets/records.js';
import type { Coordination } from '../ports/coordination.js';
import { forEachLimited } from './coalesce.js';
import { matchesPattern } from './pattern.js';

const subscribersPath = ['subscribers'];
const readsAtOnce = 8;
const mostNamed = 10;

/** Throws TOPIC_IN_USE, with their names, where subscribers have streams of a topic. */
export async function refuseWhileInUse(coordination: Coordination, topic: string): Promise<void> {
  const live = await liveSubscribers(coordination, topic);
  if (live.length === 0) return;
  const named =
    live.slice(0, mostNamed).join(', ') + (live.length > mostNamed ? `, and ${live.length - mostNamed} more` : '');
  throw new BusError(
    'TOPIC_IN_USE',
    `${live.length === 1 ? 'a subscriber has' : `${live.length} subscribers have`} streams of ${topic}: ${named}; stop them first, or use force, which ends the streams`,
    { metadata: { topic, subscribers: live.slice(0, mostNamed).join(',') } },
  );
}

/** The subscribers that have streams of a topic, by name or by a pattern. */
async function liveSubscribers(coordination: Coordination, topic: string): Promise<string[]> {
  const live = new Set<string>();
  await forEachLimited(await coordination.children(subscribersPath), readsAtOnce, async (subscriber) => {
    for (const id of await coordination.children(streamsPath(subscriber))) {
      const entry = await coordination.get(streamPath(subscriber, id));
      if (entry === undefined) continue;
      const { topics, pattern } = readStreamRecord(entry.value);
      if (topics?.includes(topic) || (pattern !== undefined && matchesPattern(pattern, topic))) {
        live.add(subscriber);
        return;
      }
    }
  });
  return [...live].sort();
}
