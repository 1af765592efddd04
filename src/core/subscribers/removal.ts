import { BusError } from '../errors.js';
import {
  type AssignmentRecord,
  assignmentPath,
  generationsPath,
  offsetsPath,
  readAssignment,
  readJson,
  readOffsetRecord,
  streamsPath,
  subscriberPath,
  topicOffsetsPath,
  type Versioned,
  writeRecord,
} from '../offsets/records.js';
import { parkedTopicOf, redriveTopicOf } from '../parking/names.js';
import type { Coordination, Path } from '../ports/coordination.js';
import { readingSubscribersPath } from '../readers/records.js';
import { forEachLimited } from '../topics/coalesce.js';
import type { TopicsService } from '../topics/index.js';
import { allow, isKind } from './records.js';
import { readsAtOnce } from './state.js';

export interface RemovalPorts {
  readonly coordination: Coordination;
  readonly topics: Pick<TopicsService, 'delete' | 'refresh'>;
}

/**
 * Removes a subscriber whose assignment record says that it is gone. The order: the floor of generations, so that no later life of the name
 * hands out a generation again; its positions, without which nothing can be committed or parked; its topics; and the assignment record, which is what
 * keeps streams from joining. A stream that waits for that begins a new subscriber. Whoever comes late, after a pause say, removes nothing of that one: positions are known by
 * their generation, topics by their incarnation.
 */
export async function removeSubscriber(
  ports: RemovalPorts,
  subscriber: string,
  found: Versioned<AssignmentRecord>,
): Promise<void> {
  const { coordination } = ports;
  const { version, record } = found;
  await raiseFloor(coordination, record.next);
  await removePositions(coordination, subscriber, record.next);
  for (const topic of [redriveTopicOf(subscriber), parkedTopicOf(subscriber)]) {
    if (!(await removeTopic(ports, subscriber, topic, version))) return;
  }
  await coordination.delete(assignmentPath(subscriber), version).catch(allow('missing', 'conflict'));
  // A stream that has joined meanwhile keeps its record. It removes the parents when it leaves, unless a new subscriber has begun.
  await coordination.delete(streamsPath(subscriber)).catch(allow('missing', 'not_empty'));
  await removeOwn(coordination, subscriber);
}

/** False where the subscriber is not being deleted any more: somebody else has come to the end of it. */
async function removeTopic(
  { coordination, topics }: RemovalPorts,
  subscriber: string,
  topic: string,
  version: number,
): Promise<boolean> {
  try {
    const { incarnation } = await topics.refresh(topic);
    const now = await readAssignment(coordination, subscriber);
    if (!now?.record.deleting || now.version !== version) return false;
    await topics.delete(topic, incarnation);
  } catch (error) {
    // A topic of that name which is not the bus's own is nobody's business here.
    const gone = error instanceof BusError && (error.code === 'not_found' || error.reason === 'TOPIC_NOT_MANAGED');
    if (!gone) throw error;
  }
  return true;
}

async function removePositions(coordination: Coordination, subscriber: string, below: number): Promise<void> {
  const remove = (path: Path, version?: number) =>
    coordination.delete(path, version).catch(allow('missing', 'not_empty', 'conflict'));
  await forEachLimited(await coordination.children(offsetsPath(subscriber)), readsAtOnce, async (topic) => {
    // Before its positions, which are what names the topic to whoever continues after a crash.
    await remove([...readingSubscribersPath(topic), subscriber]);
    await forEachLimited(
      await coordination.children(topicOffsetsPath(subscriber, topic)),
      readsAtOnce,
      async (partition) => {
        const path = [...topicOffsetsPath(subscriber, topic), partition];
        const entry = await coordination.get(path);
        if (entry && readOffsetRecord(entry.value).generation < below) await remove(path, entry.version);
      },
    );
    await remove(topicOffsetsPath(subscriber, topic));
  });
  await remove(offsetsPath(subscriber));
}

/** Where streams are there still the record stays as an empty parent, which is no subscriber. */
async function removeOwn(coordination: Coordination, subscriber: string): Promise<void> {
  const path = subscriberPath(subscriber);
  try {
    await coordination.delete(path);
  } catch (error) {
    if (!isKind(error, 'not_empty', 'missing')) throw error;
    const entry = await coordination.get(path);
    if (entry) await coordination.set(path, new Uint8Array(), entry.version).catch(allow('conflict', 'missing'));
  }
}

async function readFloor(coordination: Coordination): Promise<{ floor: number; version: number | undefined }> {
  const entry = await coordination.get(generationsPath);
  const floor = Number(entry && readJson(entry.value)?.floor);
  return { floor: Number.isSafeInteger(floor) ? floor : 0, version: entry?.version };
}

async function raiseFloor(coordination: Coordination, to: number): Promise<void> {
  for (;;) {
    const { floor, version } = await readFloor(coordination);
    if (version !== undefined && floor >= to) return;
    const value = writeRecord({ format: 1, floor: Math.max(floor, to) });
    try {
      if (version === undefined) await coordination.create(generationsPath, value);
      else await coordination.set(generationsPath, value, version);
      return;
    } catch (error) {
      if (!isKind(error, 'exists', 'conflict')) throw error;
    }
  }
}
