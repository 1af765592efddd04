import { decodeCursor, encodeCursor } from '../../../core/cursor.js';
import type { Delivery } from '../../../core/subscribe/frames.js';
import type { EventsFrame } from './slice.js';

/** The cursor after each record of a stream, which the core knows only after each slice. What it costs is a cursor per record: it is made for those who ask. */
export interface RecordCursors {
  /** The stream stands there, as a frame says. */
  moveTo(cursor: string): void;
  /** A slice's records, each with the cursor after it. */
  after(frame: EventsFrame): Generator<[Delivery, cursor: string], void, undefined>;
}

export function recordCursors(): RecordCursors {
  let at = '';
  return {
    moveTo(cursor) {
      at = cursor;
    },
    *after({ topic, deliveries, cursor }) {
      const parts = decodeCursor(at).map((part) => ({ ...part, positions: new Map(part.positions) }));
      const own = parts.find((part) => part.topic === topic);
      at = cursor;
      for (const [index, delivery] of deliveries.entries()) {
        own?.positions.set(delivery.partition, delivery.record.offset + 1);
        // What holes and filters make the stream pass over is in the slice's own.
        const isLast = index === deliveries.length - 1;
        yield [
          delivery,
          isLast ? cursor : encodeCursor(parts.map((part) => ({ ...part, positions: [...part.positions] }))),
        ];
      }
    },
  };
}
