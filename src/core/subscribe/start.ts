import { type Cursor, decodeCursor, encodeCursor } from '../cursor.js';
import { BusError } from '../errors.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import type { StartFrom } from './frames.js';
import type { StartLog } from './shared-bounds.js';

/** The offset to start at, of every partition. */
export type Positions = Map<number, number>;

/**
 * Turns a start into offsets. Throws CURSOR_MALFORMED, CURSOR_WRONG_TOPIC, CURSOR_STALE_TOPIC, INVALID_REQUEST, LOG_UNAVAILABLE; and CURSOR_EXPIRED
 * unless `onExpired` is `skip` (then the stream announces the gap itself).
 */
export async function resolveStart(
  log: StartLog,
  topic: ActiveTopic,
  from: StartFrom,
  onExpired: 'fail' | 'skip',
): Promise<Positions> {
  const partitions = Array.from({ length: topic.settings.partitions }, (_, partition) => partition);
  if (from.at === 'cursor') return atCursor(log, topic, from.cursor, partitions, onExpired);
  const offsets = await Promise.all(
    partitions.map(async (partition) => {
      if (from.at === 'time') return log.offsetForTime(topic.name, partition, from.timestamp);
      const bounds = await log.bounds(topic.name, partition);
      return from.at === 'earliest' ? bounds.earliest : bounds.highWatermark;
    }),
  );
  return new Map(offsets.map((offset, partition) => [partition, offset]));
}

async function atCursor(
  log: StartLog,
  topic: ActiveTopic,
  text: string,
  partitions: readonly number[],
  onExpired: 'fail' | 'skip',
): Promise<Positions> {
  const asked = new Map(positionsIn(decodeCursor(text), topic));
  const expired: { topic: string; partition: number; asked: number; first: number }[] = [];
  const positions: Positions = new Map();
  await Promise.all(
    partitions.map(async (partition) => {
      const { earliest } = await log.bounds(topic.name, partition);
      const offset = asked.get(partition) ?? earliest;
      positions.set(partition, offset);
      if (offset < earliest) expired.push({ topic: topic.name, partition, asked: offset, first: earliest });
    }),
  );
  if (expired.length > 0 && onExpired === 'fail') {
    const left = new Map(positions);
    for (const { partition, first } of expired) left.set(partition, first);
    const [first] = expired;
    throw new BusError(
      'CURSOR_EXPIRED',
      `retention has removed what the cursor asks for: in partition ${first?.partition} of ${topic.name} it asks for offset ${first?.asked}, the first one left is ${first?.first}` +
        '; ask for on_expired=SKIP, or continue with the cursor in the details',
      { expired: { partitions: expired, cursor: cursorOf(topic, left) }, metadata: { topic: topic.name } },
    );
  }
  return positions;
}

/**
 * The topic by which a cursor is to be judged: the one in memory, or read anew where the cursor knows of a life or of partitions that memory
 * does not, since it may come from an instance that heard of them first. Throws as `Topics.refresh`.
 */
export async function topicFor(cursor: Cursor, topic: ActiveTopic, topics: Topics): Promise<ActiveTopic> {
  const part = cursor.find(({ topic: name }) => name === topic.name);
  const isKnown =
    part === undefined ||
    (part.incarnation === topic.incarnation &&
      part.positions.every(([partition]) => partition < topic.settings.partitions));
  return isKnown ? topic : topics.refresh(topic.name);
}

/** The positions that a cursor has in a topic. Throws CURSOR_WRONG_TOPIC, CURSOR_STALE_TOPIC; INVALID_REQUEST for a partition that is not there. */
export function positionsIn(
  cursor: Cursor,
  topic: Pick<ActiveTopic, 'name' | 'incarnation' | 'settings'>,
): readonly (readonly [partition: number, nextOffset: number])[] {
  const found = cursor.find((part) => part.topic === topic.name);
  if (!found) {
    const others = cursor.map((part) => part.topic).join(', ');
    throw new BusError(
      'CURSOR_WRONG_TOPIC',
      `the cursor is not of ${topic.name}${others ? ` but of ${others.slice(0, 300)}` : ''}`,
    );
  }
  if (found.incarnation !== topic.incarnation) {
    throw new BusError(
      'CURSOR_STALE_TOPIC',
      `the cursor is of an earlier topic ${topic.name} that has been deleted since; start anew, at EARLIEST for instance`,
    );
  }
  const { partitions } = topic.settings;
  const beyond = found.positions.find(([partition]) => partition >= partitions);
  if (beyond) {
    throw new BusError('INVALID_REQUEST', `${topic.name} has ${partitions} partitions; the cursor names ${beyond[0]}`);
  }
  return found.positions;
}

/** A cursor of one topic. */
export function cursorOf(topic: Pick<ActiveTopic, 'name' | 'incarnation'>, positions: Positions): string {
  return encodeCursor([
    { topic: topic.name, incarnation: topic.incarnation, positions: [...positions].sort(([a], [b]) => a - b) },
  ]);
}
