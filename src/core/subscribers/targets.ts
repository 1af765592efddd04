import { decodeCursor, encodeCursor } from '../cursor.js';
import { BusError } from '../errors.js';
import type { EventLog } from '../ports/event-log.js';
import { positionsIn, topicFor } from '../subscribe/start.js';
import { forEachLimited } from '../topics/coalesce.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import { byPlace } from './state.js';
import type { ResetCommand } from './subscriber.js';

const questionsAtOnce = 16;

/** Where a partition's position is to go. */
export interface Target {
  readonly topic: ActiveTopic;
  readonly partition: number;
  readonly to: number;
}

interface Ports {
  readonly log: EventLog;
  readonly topics: Topics;
}

/**
 * Turns a reset into offsets, by topic and partition.
 *
 * @param topicsOf the topics that the subscriber has positions in: for a reset that names none. Those that have been deleted since are left out.
 */
export async function resolveTargets(
  { log, topics }: Ports,
  command: ResetCommand,
  topicsOf: readonly string[],
): Promise<Target[]> {
  checkShape(command);
  const { to } = command;
  const wanted =
    to.at === 'cursor' ? await atCursor(topics, command, to.cursor) : await inTopics(topics, command, topicsOf);
  const targets: Target[] = [];
  await forEachLimited(wanted, questionsAtOnce, async ({ topic, partition, asked }) => {
    if (to.at === 'time') {
      const offset = await log.offsetForTime(topic, partition, to.timestamp);
      targets.push({ topic, partition, to: offset });
      return;
    }
    const { earliest, highWatermark } = await log.bounds(topic, partition);
    const offset = asked ?? (to.at === 'earliest' ? earliest : highWatermark);
    if (offset > highWatermark) throw ahead(topic, partition, offset, highWatermark);
    if (offset < earliest) throw expired(topic, partition, offset, earliest);
    targets.push({ topic, partition, to: offset });
  });
  return targets
    .map((target) => ({ target, topic: target.topic.name, partition: target.partition }))
    .sort(byPlace)
    .map(({ target }) => target);
}

interface Wanted {
  readonly topic: ActiveTopic;
  readonly partition: number;
  /** The offset that was asked for, where one was. */
  readonly asked: number | undefined;
}

function checkShape({ topic, partitions, to }: ResetCommand): void {
  if (partitions.length > 0 && topic === undefined) {
    throw new BusError('INVALID_REQUEST', 'partitions are given without their topic; give topic too');
  }
  if (new Set(partitions).size < partitions.length) {
    throw new BusError('INVALID_REQUEST', 'partitions names a partition twice');
  }
  if (to.at !== 'offset') return;
  if (topic === undefined || partitions.length !== 1) {
    throw new BusError('INVALID_REQUEST', 'offset needs topic and exactly one partition');
  }
  if (to.offset < 0) throw new BusError('INVALID_REQUEST', `offset is ${to.offset}; offsets begin at 0`);
}

async function inTopics(topics: Topics, command: ResetCommand, topicsOf: readonly string[]): Promise<Wanted[]> {
  const found: ActiveTopic[] = [];
  for (const name of command.topic === undefined ? topicsOf : [command.topic]) {
    try {
      found.push(await topics.refresh(name));
    } catch (error) {
      const gone = error instanceof BusError && error.code === 'not_found' && command.topic === undefined;
      if (!gone) throw error;
    }
  }
  const asked = command.to.at === 'offset' ? command.to.offset : undefined;
  return found.flatMap((topic) =>
    checkPartitions(topic, command.partitions).map((partition) => ({ topic, partition, asked })),
  );
}

function checkPartitions(topic: ActiveTopic, partitions: readonly number[]): readonly number[] {
  const count = topic.settings.partitions;
  const beyond = partitions.find((partition) => partition < 0 || partition >= count);
  if (beyond !== undefined) {
    throw new BusError(
      'INVALID_REQUEST',
      `${topic.name} has the partitions 0 to ${count - 1}; ${beyond} is none of them`,
    );
  }
  return partitions.length > 0 ? partitions : Array.from({ length: count }, (_, partition) => partition);
}

async function atCursor(topics: Topics, { topic: only, partitions }: ResetCommand, text: string): Promise<Wanted[]> {
  const cursor = decodeCursor(text);
  const names = only === undefined ? [...new Set(cursor.map(({ topic }) => topic))] : [only];
  const wanted: Wanted[] = [];
  for (const name of names) {
    const topic = await topicFor(cursor, await topics.require(name), topics);
    checkPartitions(topic, partitions);
    for (const [partition, asked] of positionsIn(cursor, topic)) {
      if (partitions.length === 0 || partitions.includes(partition)) wanted.push({ topic, partition, asked });
    }
  }
  if (wanted.length > 0) return wanted;
  throw new BusError('INVALID_REQUEST', 'the cursor covers none of the partitions that were asked for');
}

function ahead({ name }: ActiveTopic, partition: number, offset: number, highWatermark: number): BusError {
  return new BusError(
    'CURSOR_AHEAD',
    `offset ${offset} in partition ${partition} of ${name} lies beyond the end (${highWatermark}); nothing was moved`,
    { metadata: { topic: name, partition: String(partition), high_watermark: String(highWatermark) } },
  );
}

function expired(topic: ActiveTopic, partition: number, offset: number, earliest: number): BusError {
  const { name } = topic;
  return new BusError(
    'CURSOR_EXPIRED',
    `retention has removed offset ${offset} in partition ${partition} of ${name}; the first one left is ${earliest}. Nothing was moved`,
    {
      metadata: { topic: name, partition: String(partition) },
      expired: {
        partitions: [{ topic: name, partition, asked: offset, first: earliest }],
        cursor: encodeCursor([{ topic: name, incarnation: topic.incarnation, positions: [[partition, earliest]] }]),
      },
    },
  );
}
