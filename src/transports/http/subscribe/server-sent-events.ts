import { Buffer } from 'node:buffer';
import { encodeCursor } from '../../../core/cursor.js';
import type { BusError } from '../../../core/errors.js';
import type { Delivery } from '../../../core/subscribe/frames.js';
import { problemOf } from '../problem.js';
import { controlContent, cursorOf } from './control-frames.js';
import { lineOf, part } from './encoded-lines.js';
import { payloadText } from './payload-text.js';
import { recordCursors } from './record-cursors.js';
import { ownSlices, sharedSlices } from './slice.js';
import type { StreamFormat } from './stream-format.js';

export const sseType = 'text/event-stream';

/** How soon a client comes back when its connection breaks: spread, so that a restart is not met by all of them at once. */
const retryMs = { least: 1_000, spread: 1_000 };
/** Where a stream that serves nothing yet stands. No client is to come back with that. */
const nowhere = encodeCursor([]);

const dataField = Buffer.from('data: ');
const lineEnd = Buffer.from('\n');
const blockEnd = Buffer.from('\n\n');

export interface EventStreamOptions {
  /** The payloads alone as data, and no named events. */
  readonly dataOnly: boolean;
  /** Each record has the cursor after it as its id: the page sees it as `lastEventId`. */
  readonly idEach: boolean;
}

/**
 * Server-sent events (HTML, 9.2): a record is a `message` event, a control frame an event of its name. The cursor after each slice is a block that has an id alone, by which the
 * client's last event ID moves and nothing is dispatched. A failure in the middle is the event `problem`, since `error` is what EventSource calls a broken connection; one
 * that passes by itself is an `end`, after which the client comes back.
 */
export function serverSentEvents({ dataOnly, idEach }: EventStreamOptions): StreamFormat {
  const textOf = dataOnly ? payloadText : recordText;
  const cursors = recordCursors();
  const retry = Math.round(retryMs.least + Math.random() * retryMs.spread);
  const ending = (error: BusError) => {
    const retryDelayMs = Math.max(retry, Math.ceil(error.retryAfterMs ?? 0));
    return `${named('end', { reason: 'unavailable', retryDelayMs, error: problemOf(error) })}retry: ${retryDelayMs}\n\n`;
  };
  const named = (name: string, content: object) =>
    dataOnly ? '' : `event: ${name}\ndata: ${JSON.stringify(content)}\n`;

  return {
    contentType: sseType,
    comesAgain: true,
    opening: `retry: ${retry}\n\n`,
    control(frame) {
      const cursor = cursorOf(frame);
      cursors.moveTo(cursor);
      return `${named(frame.kind, controlContent(frame))}${idField(cursor)}\n`;
    },
    slice: idEach
      ? ownSlices(function* (frame) {
          for (const [delivery, cursor] of cursors.after(frame)) yield* block(textOf(delivery), idField(cursor));
        })
      : dataOnly
        ? payloadSlices
        : recordSlices,
    failure(error) {
      if (error.retryable) return ending(error);
      return dataOnly ? undefined : `${named('problem', problemOf(error))}\n`;
    },
    refusal: (error) => (error.retryable ? ending(error) : undefined),
  };
}

const recordSlices = sharedSlices(function* ({ deliveries, cursor }) {
  for (const delivery of deliveries) yield* block(recordText(delivery), '');
  yield Buffer.from(`${idField(cursor)}\n`);
});

const payloadSlices = sharedSlices(function* ({ deliveries, cursor }) {
  for (const delivery of deliveries) yield* block(payloadText(delivery), '');
  yield Buffer.from(`${idField(cursor)}\n`);
});

/** One event; without data a block that has an id alone, or nothing. */
function* block(data: Uint8Array | undefined, id: string): Generator<Uint8Array> {
  if (id !== '') yield Buffer.from(id);
  if (data !== undefined) {
    yield dataField;
    yield data;
    yield blockEnd;
  } else if (id !== '') yield lineEnd;
}

/** A record's line without its end. */
function recordText(delivery: Delivery): Buffer {
  const { bytes, from, to } = lineOf(delivery);
  return part(bytes, from, to - 1);
}

function idField(cursor: string): string {
  return cursor === nowhere ? '' : `id: ${cursor}\n`;
}
