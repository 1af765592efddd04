import {
  type AssignmentRecord,
  type MemberShare,
  type OffsetRecord,
  offsetsPath,
  readAssignment,
  readJson,
  readOffsetRecord,
  readStreamRecord,
  type StreamRecord,
  streamPath,
  streamsPath,
  subscriberPath,
  topicOffsetsPath,
  type Versioned,
} from '../offsets/records.js';
import type { Coordination, Path } from '../ports/coordination.js';
import { forEachLimited } from '../topics/coalesce.js';
import type { SubscriberStream } from './subscriber.js';

/** How many reads of coordination one call has under way. */
export const readsAtOnce = 32;

/** A committed position as coordination has it. */
export interface StoredPosition {
  readonly topic: string;
  readonly partition: number;
  readonly version: number;
  readonly record: OffsetRecord;
}

/** All that coordination holds of a subscriber, but for the offset records. */
export interface SubscriberState {
  readonly name: string;
  readonly assignment: Versioned<AssignmentRecord> | undefined;
  /** The ids of the connected streams. */
  readonly streams: readonly string[];
  /** The topics that there are positions in, by name. */
  readonly topics: readonly string[];
}

/** Undefined where there is no such subscriber, but perhaps what a deletion or a first join that broke off has left. Three or four reads. */
export async function readState(coordination: Coordination, name: string): Promise<SubscriberState | undefined> {
  const [assignment, streams, topics] = await Promise.all([
    readAssignment(coordination, name),
    coordination.children(streamsPath(name)),
    coordination.children(offsetsPath(name)),
  ]);
  const state = { name, assignment, streams: streams.sort(), topics: topics.sort() };
  if (assignment && !assignment.record.deleting) return state;
  if (assignment || topics.length === 0) return undefined;
  // Positions that nobody has shared yet.
  const own = await coordination.get(subscriberPath(name));
  return own && readJson(own.value) ? state : undefined;
}

/** The positions in these topics, by topic and partition; one read per topic and one per position. */
export async function readPositions(
  coordination: Coordination,
  subscriber: string,
  topics: readonly string[],
): Promise<StoredPosition[]> {
  const places: { topic: string; partition: number; path: Path }[] = [];
  await forEachLimited(topics, readsAtOnce, async (topic) => {
    for (const child of await coordination.children(topicOffsetsPath(subscriber, topic))) {
      places.push({ topic, partition: Number(child), path: [...topicOffsetsPath(subscriber, topic), child] });
    }
  });
  const positions: StoredPosition[] = [];
  await forEachLimited(places, readsAtOnce, async ({ topic, partition, path }) => {
    const entry = await coordination.get(path);
    if (entry) positions.push({ topic, partition, version: entry.version, record: readOffsetRecord(entry.value) });
  });
  return positions.sort(byPlace);
}

/** By topic and partition. */
export function byPlace(
  a: { readonly topic: string; readonly partition: number },
  b: { readonly topic: string; readonly partition: number },
): number {
  return a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition;
}

/** The connected streams, with what they own; one read each. */
export async function readStreams(
  coordination: Coordination,
  { name, streams, assignment }: SubscriberState,
): Promise<SubscriberStream[]> {
  const found: SubscriberStream[] = [];
  await forEachLimited(streams, readsAtOnce, async (id) => {
    const entry = await coordination.get(streamPath(name, id));
    if (entry) found.push(toStream(id, readStreamRecord(entry.value), assignment?.record.members.get(id)));
  });
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function toStream(
  id: string,
  { instance, readerSchemaVersion }: StreamRecord,
  share: MemberShare | undefined,
): SubscriberStream {
  const partitions = [...(share?.partitions ?? [])]
    .filter(([, numbers]) => numbers.length > 0)
    .map(([topic, numbers]) => ({ topic, partitions: [...numbers].sort((a, b) => a - b) }))
    .sort((a, b) => (a.topic < b.topic ? -1 : 1));
  return {
    id,
    instance,
    partitions,
    generation: partitions.length > 0 ? share?.generation : undefined,
    readerSchemaVersion,
  };
}
