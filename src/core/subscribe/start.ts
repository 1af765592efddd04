import { type Cursor, type CursorPosition, decodeCursor, encodeCursor } from '../cursor.js';
import { BusError } from '../errors.js';
import type { Bounds } from '../ports/event-log.js';
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
 * CURSOR_TRUNCATED where the log has lost records before a position; CURSOR_EXPIRED unless `onExpired` is `skip`.
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
  const expired: Lost[] = [];
  const truncated: Lost[] = [];
  const starts: StartPositions = new Map();
  await Promise.all(
    topics.map(async (topic) => {
      const part = cursor.find(({ topic: name }) => name === topic.name);
      const isUsable = part && !(byPattern && part.incarnation !== topic.incarnation);
      const asked = isUsable ? positionsIn([part], topic) : [];
      starts.set(topic.name, await atPositions(log, topic, partitions, asked, expired, truncated));
    }),
  );
  if (truncated.length > 0) throw truncatedCursor(cursor, truncated, level);
  const [first] = expired;
  if (!first || onExpired === 'skip') return starts;
  throw new BusError(
    'CURSOR_EXPIRED',
    `retention has removed what the cursor asks for: in partition ${first.partition} of ${first.topic} it asks for offset ${first.asked}, the first one left is ${first.first}` +
      '; ask for on_expired=SKIP, or continue with the cursor in the details',
    {
      expired: { partitions: expired, cursor: encodeCursor(moved(cursor, expired), level) },
      metadata: { topic: first.topic },
    },
  );
}

/** The same cursor with other positions in place of those that cannot be kept. They carry no epoch: they are taken up anew. */
function moved(cursor: Cursor, lost: readonly Lost[]): Cursor {
  return cursor.map((part) => {
    const first = new Map(lost.filter(({ topic }) => topic === part.topic).map((each) => [each.partition, each.first]));
    const positions = part.positions.map((position): CursorPosition => {
      const to = first.get(position[0]);
      return to === undefined ? position : [position[0], to];
    });
    return { ...part, positions };
  });
}

/** A position that cannot be kept, and the one that takes its place. */
interface Lost {
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

/**
 * Judges a position that is taken up. Undefined: it can be. Otherwise the log has lost records before it, and this is the offset to go on from. Throws CURSOR_AHEAD for a position past the
 * end without an epoch, and LOG_UNAVAILABLE. Asks the log only where its epoch is another one now.
 */
export async function judgePosition(
  log: Pick<StartLog, 'divergence'>,
  topic: ActiveTopic,
  partition: number,
  { next, epoch }: { readonly next: number; readonly epoch: number | undefined },
  { earliest, highWatermark, epoch: present }: Bounds,
): Promise<number | undefined> {
  if (epoch !== undefined && (epoch !== present || next > highWatermark)) {
    const at = await log.divergence(topic, partition, next, epoch);
    if (at !== undefined) return Math.min(highWatermark, Math.max(earliest, at));
  }
  if (next > highWatermark) throw positionAhead(topic.name, partition, next, highWatermark);
  return undefined;
}

/** Refuses positions that the log has lost records before, with a cursor to go on from. */
export function truncatedCursor(cursor: Cursor, lost: readonly Lost[], level: number | undefined): BusError {
  const [first] = lost;
  return new BusError(
    'CURSOR_TRUNCATED',
    `the log has lost records that this cursor has passed, as after a restore from a backup or the election of a leader that lacked them: in partition ${first?.partition} of ${first?.topic} ` +
      `it stands at ${first?.asked}, and from ${first?.first} on the log may hold other records. Continue with the cursor in the details, which begins there`,
    {
      expired: { partitions: lost, cursor: encodeCursor(moved(cursor, lost), level) },
      metadata: { topic: first?.topic ?? '' },
    },
  );
}

/** What is not asked for starts at its beginning; what is asked for and gone is added to `expired`. */
async function atPositions(
  log: StartLog,
  topic: ActiveTopic,
  chosen: readonly number[] | undefined,
  asked: readonly CursorPosition[],
  expired: Lost[],
  truncated: Lost[],
): Promise<Positions> {
  const positions: Positions = new Map();
  const byPartition = new Map(asked.map((position) => [position[0], position]));
  await Promise.all(
    partitionsOf(topic, chosen).map(async (partition) => {
      const bounds = await log.bounds(topic, partition);
      const { earliest } = bounds;
      const [, offset, epoch] = byPartition.get(partition) ?? [partition, earliest];
      const first = await judgePosition(log, topic, partition, { next: offset, epoch }, bounds);
      if (first !== undefined) truncated.push({ topic: topic.name, partition, asked: offset, first });
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
