import { Buffer } from 'node:buffer';
import type { Delivery, Frame } from '../../../core/subscribe/frames.js';
import { encodeLines, lineOf } from './encoded-lines.js';

export type EventsFrame = Extract<Frame, { kind: 'events' }>;

/** Up to this size a slice is put together: many streams may get it, and one write is cheaper than several. Longer ones go to few streams, in parts of about this size. */
export const togetherBytes = 64 * 1024;
/** Pieces of this size and more are not copied again. */
const largeBytes = 16 * 1024;

/** Makes the parts of a slice whose lines are encoded, each in pieces. A write ends where a part does, at the latest. */
export type MakeParts = (frame: EventsFrame) => Iterable<Iterable<Uint8Array>>;

/**
 * Slices that are the same for all streams. The one that was made last is remembered: live streams of a topic ask for the same one, one after the other. One
 * for the process and form.
 */
export function sharedSlices(make: MakeParts): (frame: EventsFrame) => Iterable<Uint8Array> {
  let latest: (EventsFrame & { readonly bytes: Uint8Array }) | undefined;

  // Where the lists differ the records are compared, since streams that stand at the same place may have come there from different ones.
  const isLatest = ({ topic, deliveries, cursor }: EventsFrame) =>
    latest !== undefined &&
    latest.cursor === cursor &&
    latest.topic === topic &&
    (latest.deliveries === deliveries ||
      (latest.deliveries.length === deliveries.length &&
        latest.deliveries.every((delivery, i) => delivery === deliveries[i])));

  return (frame) => {
    if (latest !== undefined && isLatest(frame)) return [latest.bytes];
    encodeLines(frame.topic, frame.deliveries);
    if (lineBytes(frame.deliveries) > togetherBytes) return gathered(make(frame));
    const bytes = Buffer.concat(Array.from(make(frame), (pieces) => [...pieces]).flat());
    latest = { ...frame, bytes };
    return [bytes];
  };
}

/** Slices of one stream alone. */
export function ownSlices(make: MakeParts): (frame: EventsFrame) => Iterable<Uint8Array> {
  return (frame) => {
    encodeLines(frame.topic, frame.deliveries);
    return gathered(make(frame));
  };
}

/** Short pieces together, long ones as they are. Made as it is asked for: a stream that waits for its client holds one part. */
function* gathered(parts: Iterable<Iterable<Uint8Array>>): Generator<Uint8Array, void, undefined> {
  for (const pieces of parts) {
    let short: Uint8Array[] = [];
    let bytes = 0;
    for (const piece of pieces) {
      const isLarge = piece.length >= largeBytes;
      if (!isLarge) {
        short.push(piece);
        bytes += piece.length;
      }
      if (bytes > 0 && (isLarge || bytes >= togetherBytes)) {
        yield Buffer.concat(short, bytes);
        short = [];
        bytes = 0;
      }
      if (isLarge) yield piece;
    }
    if (bytes > 0) yield Buffer.concat(short, bytes);
  }
}

function lineBytes(deliveries: readonly Delivery[]): number {
  let bytes = 0;
  for (const delivery of deliveries) {
    const { from, to } = lineOf(delivery);
    bytes += to - from;
  }
  return bytes;
}
