import { type Cursor, type CursorPosition, decodeCursor, encodeCursor, levelOf } from '../../../core/cursor.js';
import type { EventsFrame } from './slice.js';

/**
 * Makes the cursors between the records of a slice, which the core knows only after the whole slice. `places` are indexes of deliveries, ascending; the cursor of a
 * place comes after all deliveries before that index. A partition stands at its first record that is still to come, so that no cursor passes a record that was
 * not sent. Costs one encoding a place.
 */
export function cursorsWithin({ topic, deliveries, cursor }: EventsFrame, places: readonly number[]): string[] {
  if (places.every((place) => place >= deliveries.length)) return places.map(() => cursor);
  const parts = decodeCursor(cursor);
  const level = levelOf(cursor);
  const firstLeft = new Map<number, number>();
  const cursors: string[] = [];
  let index = deliveries.length;
  for (const place of places.toReversed()) {
    while (index > place) {
      const delivery = deliveries[--index];
      if (delivery) firstLeft.set(delivery.partition, delivery.record.offset);
    }
    cursors.push(firstLeft.size === 0 ? cursor : encodeCursor(moved(parts, topic, firstLeft), level));
  }
  return cursors.reverse();
}

function moved(parts: Cursor, topic: string, offsets: ReadonlyMap<number, number>): Cursor {
  return parts.map((part) => {
    if (part.topic !== topic) return part;
    // The log's epoch is that of the slice's end: an epoch holds for every position before it, too.
    const positions = part.positions.map(
      ([partition, next, epoch]): CursorPosition => [partition, offsets.get(partition) ?? next, epoch],
    );
    return { ...part, positions };
  });
}
