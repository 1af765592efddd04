import { type Cursor, decodeCursor } from '../cursor.js';
import { BusError } from '../errors.js';
import type { Committer } from '../offsets/committer.js';
import { keyOf } from '../offsets/hand-over.js';
import { checkSubscriberName } from '../offsets/records.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { CommitCommand, CommittedPosition, StreamPosition } from './frames.js';
import { positionsIn } from './start.js';

export interface CommitPorts {
  readonly committer: Committer;
  /** The topic by which a part of a cursor is to be judged. Throws TOPIC_NOT_FOUND. */
  find(name: string, cursor: Cursor): Promise<ActiveTopic>;
  /** Resolves with the epoch of a position; undefined where it is not known. Throws CURSOR_AHEAD for a position beyond the end of a partition. */
  checkNotAhead(topic: ActiveTopic, partition: number, next: number): Promise<number | undefined>;
}

/** A position whose topic, incarnation and partition are those of the present. */
export interface CheckedPosition {
  readonly topic: ActiveTopic;
  readonly partition: number;
  readonly next: number;
  readonly epoch: number | undefined;
}

/** The most positions that one call may name: as many as one stream may have partitions. */
const mostPositions = 10_000;

/**
 * Commits the positions of a cursor and the positions that a command names. Resolves when each is written or refused, and throws the first
 * refusal: the positions that were not refused are committed all the same.
 */
export async function commitPositions(ports: CommitPorts, command: CommitCommand): Promise<CommittedPosition[]> {
  const { subscriber, cursor, positions = [], generation } = command;
  checkSubscriberName(subscriber);
  if (cursor === undefined && positions.length === 0) {
    throw new BusError('INVALID_REQUEST', 'the commit has neither a cursor nor positions: give one of them, or both');
  }
  const checked = await Promise.all([
    cursor === undefined ? [] : positionsOf(ports, decodeCursor(cursor)),
    checkPositions(ports, positions),
  ]);
  const entries = furthest(checked.flat());
  const epochs = await Promise.all(
    entries.map(({ topic, partition, next }) => ports.checkNotAhead(topic, partition, next)),
  );
  const committed = await Promise.allSettled(
    entries.map(async ({ topic, partition, next, epoch: own }, i) => {
      const epoch = own ?? epochs[i];
      const { name, incarnation } = topic;
      const entry = { subscriber, topic: name, incarnation, partition, generation, next, epoch };
      return { topic: name, partition, nextOffset: await ports.committer.commit(entry) };
    }),
  );
  return committed.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

async function positionsOf({ find }: Pick<CommitPorts, 'find'>, cursor: Cursor): Promise<CheckedPosition[]> {
  const parts = await Promise.all(
    cursor.map(async (part) => {
      const topic = await find(part.topic, [part]);
      return positionsIn([part], topic).map(([partition, next, epoch]) => ({ topic, partition, next, epoch }));
    }),
  );
  return parts.flat();
}

/** Finds the topics of named positions. Throws INVALID_REQUEST, TOPIC_NOT_FOUND, CURSOR_STALE_TOPIC. */
export async function checkPositions(
  ports: Pick<CommitPorts, 'find'>,
  positions: readonly StreamPosition[],
): Promise<CheckedPosition[]> {
  if (positions.length > mostPositions) {
    const message = `positions has ${positions.length} entries; one call may have ${mostPositions}: send several`;
    throw new BusError('INVALID_REQUEST', message);
  }
  // Each topic is looked for once, however many of its partitions are named.
  const parts = new Map<string, { topic: string; incarnation: string; positions: [number, number][] }>();
  positions.forEach(({ topic, incarnation, partition, nextOffset }, i) => {
    checkPosition(`positions[${i}]`, { topic, incarnation, partition, nextOffset });
    const key = `${topic}/${incarnation}`;
    const part = parts.get(key) ?? { topic, incarnation, positions: [] };
    part.positions.push([partition, nextOffset]);
    parts.set(key, part);
  });
  return positionsOf(ports, [...parts.values()]);
}

function checkPosition(field: string, { topic, incarnation, partition, nextOffset }: StreamPosition): void {
  const problem =
    topic === ''
      ? 'it has no topic'
      : incarnation === ''
        ? 'it has no incarnation: frames with records and assignments say it'
        : !isCount(partition)
          ? `its partition is ${partition}; partitions are counted from 0`
          : !isCount(nextOffset)
            ? `its next offset is ${nextOffset}; offsets are counted from 0`
            : undefined;
  if (problem !== undefined) throw new BusError('INVALID_REQUEST', `${field}: ${problem}`, { metadata: { field } });
}

const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;

/** One position for each partition: of several the one that is furthest. */
function furthest(positions: readonly CheckedPosition[]): CheckedPosition[] {
  const byKey = new Map<string, CheckedPosition>();
  for (const each of positions) {
    const key = keyOf(each.topic, each.partition);
    const before = byKey.get(key);
    if (!before || before.next < each.next) byKey.set(key, each);
  }
  return [...byKey.values()];
}
