import { type Cursor, decodeCursor, type TopicCursor } from '../cursor.js';
import { BusError } from '../errors.js';

/** How far apart two cursors are in one partition. */
export interface PartitionDistance {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  /** `to - from`: so many records at most, since offsets may skip. Negative where `to` is before `from`. */
  readonly distance: number;
}

export interface CursorDistance {
  /** By topic and partition. */
  readonly partitions: readonly PartitionDistance[];
  /** The sum of all distances. */
  readonly total: number;
}

/**
 * The distance between two cursors. A partition that only one of them has was added later, and stands at offset 0 in the other. Reads nothing but the cursors.
 * Throws CURSOR_MALFORMED; CURSOR_WRONG_TOPIC if they share no topic; CURSOR_STALE_TOPIC if they are of different lives of a topic.
 */
export function compareCursors(fromText: string, toText: string): CursorDistance {
  const [from, to] = [decodeCursor(fromText), decodeCursor(toText)];
  const names = [...new Set([...from, ...to].map(({ topic }) => topic))].sort();
  if (!names.some((name) => partOf(from, name) && partOf(to, name))) {
    throw new BusError(
      'CURSOR_WRONG_TOPIC',
      `the cursors have no topic in common: the first is of ${shown(from)}, the second of ${shown(to)}`,
    );
  }
  const partitions = names.flatMap((name) => distancesIn(name, partOf(from, name), partOf(to, name)));
  return { partitions, total: partitions.reduce((sum, { distance }) => sum + distance, 0) };
}

function distancesIn(topic: string, from: TopicCursor | undefined, to: TopicCursor | undefined): PartitionDistance[] {
  if (from && to && from.incarnation !== to.incarnation) {
    throw new BusError(
      'CURSOR_STALE_TOPIC',
      `the cursors are of two lives of topic ${topic}, which was deleted and created anew between them: there is no distance`,
      { metadata: { topic } },
    );
  }
  const [starts, ends] = [offsetsOf(from), offsetsOf(to)];
  const partitions = [...new Set([...starts.keys(), ...ends.keys()])].sort((a, b) => a - b);
  return partitions.map((partition) => {
    const [start, end] = [starts.get(partition) ?? 0, ends.get(partition) ?? 0];
    return { topic, partition, from: start, to: end, distance: end - start };
  });
}

function offsetsOf(part: TopicCursor | undefined): Map<number, number> {
  return new Map((part?.positions ?? []).map(([partition, next]) => [partition, next]));
}

function partOf(cursor: Cursor, topic: string): TopicCursor | undefined {
  return cursor.find((part) => part.topic === topic);
}

function shown(cursor: Cursor): string {
  return cursor.length === 0
    ? 'none'
    : cursor
        .map(({ topic }) => topic)
        .join(', ')
        .slice(0, 200);
}
