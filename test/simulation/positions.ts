import { type Cursor, decodeCursor, encodeCursor } from '../../src/core/cursor.js';

/** An offset in a partition: of a record, or of the next one. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export const placeOf = ({ topic, partition }: Omit<Position, 'offset'>): string => `${topic}/${partition}`;

/** The positions of a cursor; none where it is empty. */
export function positionsOf(cursor: string): Position[] {
  return cursor === '' ? [] : flatten(decodeCursor(cursor));
}

const flatten = (cursor: Cursor): Position[] =>
  cursor.flatMap(({ topic, positions }) => positions.map(([partition, offset]) => ({ topic, partition, offset })));

/** A cursor whose positions are no further than these: as of a client that has processed a part of a frame. */
export function cutCursor(cursor: string, back: readonly Position[]): string {
  const at = new Map(back.map((position) => [placeOf(position), position.offset]));
  return encodeCursor(
    decodeCursor(cursor).map(({ topic, incarnation, positions }) => ({
      topic,
      incarnation,
      positions: positions.map(
        ([partition, offset]) => [partition, at.get(placeOf({ topic, partition })) ?? offset] as const,
      ),
    })),
  );
}
