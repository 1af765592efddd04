import { type Cursor, type CursorPosition, decodeCursor, encodeCursor } from '../cursor.js';
import { BusError } from '../errors.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import type { Place, StartFrom } from './frames.js';
import type { StartLog } from './shared-bounds.js';

/** The offset to start at, of every partition. */
export type Positions = Map<number, number>;

/** By topic. */
export type StartPositions = Map<string, Positions>;

export interface StartOptions {
  readonly from: StartFrom;
  /** What retention has removed: refuse, or let the stream announce the gap itself. */
  readonly onExpired: 'fail' | 'skip';
  /** The topics come from a pattern: a cursor may know of others, and of earlier lives. Topics that it lacks start at their beginning. */
  readonly byPattern: boolean;
  /** The format level that cursors in errors are written at. Default 0. */
  readonly level?: number | undefined;
  /** Only these; undefined: all. Of one topic. */
  readonly partitions?: readonly number[] | undefined;
}

/**
 * Turns a start into offsets, for every partition of every topic, or for those that are chosen. Topics that a cursor lacks start at their beginning: they were added later. Throws
 * CURSOR_MALFORMED, CURSOR_WRONG_TOPIC (it lacks them all), CURSOR_STALE_TOPIC, CURSOR_AHEAD, INVALID_REQUEST, LOG_UNAVAILABLE; and
 * CURSOR_EXPIRED unless `onExpired` is `skip`.
 */
export async function resolveStart(
  log: StartLog,
  topics: readonly ActiveTopic[],
  { from, onExpired, byPattern, level, partitions }: StartOptions,
): Promise<StartPositions> {
  if (from.at !== 'cursor' && from.at !== 'offsets') {
    const starts = topics.map(async (topic) => [topic.name, await atPlace(log, topic, from, partitions)] as const);
    return new Map(await Promise.all(starts));
  }
  // Offsets are a cursor without a name: of the topic as it is now.
  const cursor =
    from.at === 'cursor'
      ? decodeCursor(from.cursor)
      : topics.map(({ name, incarnation }) => ({ topic: name, incarnation, positions: [...from.offsets] }));
  if (!byPattern && !cursor.some((part) => topics.some(({ name }) => name === part.topic))) {
    for (const topic of topics) positionsIn(cursor, topic);
  }
  const expired: Expired[] = [];
  const starts: StartPositions = new Map();
  await Promise.all(
    topics.map(async (topic) => {
      const part = cursor.find(({ topic: name }) => name === topic.name);
      const isUsable = part && !(byPattern && part.incarnation !== topic.incarnation);
      const asked = isUsable ? offsetsIn(positionsIn([part], topic)) : undefined;
      starts.set(topic.name, await atPositions(log, topic, partitions, asked, expired));
    }),
  );
  const [first] = expired;
  if (!first || onExpired === 'skip') return starts;
  const left = cursor.map((part) => {
    const firsts = expired.filter(({ topic }) => topic === part.topic);
    const first = new Map(firsts.map((each) => [each.partition, each.first]));
    const positions = part.positions.map((position): CursorPosition => {
      const moved = first.get(position[0]);
      return moved === undefined ? position : [position[0], moved];
    });
    return { ...part, positions };
  });
  throw new BusError(
    'CURSOR_EXPIRED',
    `retention has removed what the cursor asks for: in partition ${first.partition} of ${first.topic} it asks for offset ${first.asked}, the first one left is ${first.first}` +
      '; ask for on_expired=SKIP, or continue with the cursor in the details',
    { expired: { partitions: expired, cursor: encodeCursor(left, level) }, metadata: { topic: first.topic } },
  );
}

interface Expired {
  readonly topic: string;
  readonly partition: number;
  readonly asked: number;
  readonly first: number;
}

const partitionsOf = ({ settings }: ActiveTopic, chosen: readonly number[] | undefined) =>
  chosen ?? Array.from({ length: settings.partitions }, (_, partition) => partition);

async function atPlace(
  log: StartLog,
  topic: ActiveTopic,
  from: Exclude<Place, { at: 'cursor' }>,
  chosen: readonly number[] | undefined,
): Promise<Positions> {
  const offsetIn = async (partition: number): Promise<number> => {
    if (from.at === 'time') return log.offsetForTime(topic, partition, from.timestamp);
    const bounds = await log.bounds(topic, partition);
    return from.at === 'earliest' ? bounds.earliest : bounds.highWatermark;
  };
  const offsets = partitionsOf(topic, chosen).map(async (each) => [each, await offsetIn(each)] as const);
  return new Map(await Promise.all(offsets));
}

/**
 * Refuses a position past the end. A log answers with its exact end, also right after a change of its leader, so that a stream does not have to wait before it
 * refuses: a client that waits meanwhile would miss the records that are appended below its position.
 */
export function positionAhead(topic: string, partition: number, position: number, highWatermark: number): BusError {
  return new BusError(
    'CURSOR_AHEAD',
    `the position ${position} in partition ${partition} of ${topic} lies beyond the end (${highWatermark}): has the log lost records, or is the cursor of another cluster?`,
    {
      metadata: {
        topic,
        partition: String(partition),
        position: String(position),
        high_watermark: String(highWatermark),
      },
    },
  );
}

/** What is not asked for starts at its beginning; what is asked for and gone is added to `expired`. */
async function atPositions(
  log: StartLog,
  topic: ActiveTopic,
  chosen: readonly number[] | undefined,
  asked: ReadonlyMap<number, number> | undefined,
  expired: Expired[],
): Promise<Positions> {
  const positions: Positions = new Map();
  await Promise.all(
    partitionsOf(topic, chosen).map(async (partition) => {
      const { earliest, highWatermark } = await log.bounds(topic, partition);
      const offset = asked?.get(partition) ?? earliest;
      if (offset > highWatermark) throw positionAhead(topic.name, partition, offset, highWatermark);
      positions.set(partition, offset);
      if (offset < earliest) expired.push({ topic: topic.name, partition, asked: offset, first: earliest });
    }),
  );
  return positions;
}

/** The topic in memory, or read anew where memory does not know a partition that is named. Throws INVALID_REQUEST if there is no such partition. */
export async function topicWith(
  partitions: readonly number[],
  topic: ActiveTopic,
  topics: Pick<Topics, 'refresh'>,
): Promise<ActiveTopic> {
  const most = partitions.reduce((largest, each) => Math.max(largest, each), 0);
  const known = most < topic.settings.partitions ? topic : await topics.refresh(topic.name);
  const { partitions: count } = known.settings;
  if (most < count) return known;
  throw new BusError(
    'INVALID_REQUEST',
    `${topic.name} has no partition ${most}: its ${count} partitions are 0 to ${count - 1}`,
  );
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
  if (isKnown) return topic;
  // Another instance may have seen partitions in the log that no record has yet.
  await topics.confirm([topic.name], true);
  return topics.refresh(topic.name);
}

/** By partition. */
export function offsetsIn(positions: readonly CursorPosition[]): Map<number, number> {
  return new Map(positions.map(([partition, offset]) => [partition, offset]));
}

/** The positions that a cursor has in a topic. Throws CURSOR_WRONG_TOPIC, CURSOR_STALE_TOPIC; INVALID_REQUEST for a partition that is not there. */
export function positionsIn(
  cursor: Cursor,
  topic: Pick<ActiveTopic, 'name' | 'incarnation' | 'settings'>,
): readonly CursorPosition[] {
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
