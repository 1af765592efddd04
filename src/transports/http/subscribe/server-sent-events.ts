import { encodeCursor } from '../../../core/cursor.js';
import type { BusError } from '../../../core/errors.js';
import { problemOf } from '../problem.js';
import { controlContent, cursorOf } from './control-frames.js';
import { eventParts } from './event-parts.js';
import { ownSlices, sharedSlices } from './slice.js';
import type { StreamFormat } from './stream-format.js';

export const sseType = 'text/event-stream';

/** How soon a client comes back when its connection breaks: spread, so that a restart is not met by all of them at once. */
const retryMs = { least: 1_000, spread: 1_000 };
/** Where a stream that serves nothing yet stands. No client is to come back with that. */
const nowhere = encodeCursor([]);

/**
 * A stream without a subscriber is refused at its start where its id has more characters: the client sends it back in a header, which proxies and servers answer with
 * 400 beyond 8 KiB, and EventSource then stops for good.
 */
const longestFirstId = 4 * 1024;
/** A subscriber's stream resumes where it has committed: without an id that no server would take from its client. */
const longestId = 8_000;

export interface EventStreamOptions {
  /** The payloads alone as data. Named events have empty content, and are there for their id. */
  readonly dataOnly: boolean;
  /** Each record has the cursor after it as its id: the page sees it as `lastEventId`. */
  readonly idEach: boolean;
}

/**
 * Server-sent events (HTML, 9.2): a record is a `message` event, a control frame an event of its name. The last block of each write has an id, the cursor after
 * it. No block lacks data: many clients drop the id of a block without data, or report an empty message. The id stands behind the data, since some
 * clients remember an id before they have the whole block.
 *
 * A failure in the middle is the event `problem`, since `error` is what EventSource calls a broken connection; one that passes by itself is an `end`, after which
 * the client comes back.
 */
export function serverSentEvents({ dataOnly, idEach }: EventStreamOptions): StreamFormat {
  const retry = Math.round(retryMs.least + Math.random() * retryMs.spread);
  const named = (name: string, content: object, fields = '') =>
    `event: ${name}\ndata: ${dataOnly ? '{}' : JSON.stringify(content)}\n${fields}\n`;
  const ending = (error: BusError) => {
    const retryDelayMs = Math.max(retry, Math.ceil(error.retryAfterMs ?? 0));
    return named('end', { reason: 'unavailable', retryDelayMs, error: problemOf(error) }, `retry: ${retryDelayMs}\n`);
  };

  return {
    contentType: sseType,
    comesAgain: true,
    longestCursor: longestFirstId,
    control(frame) {
      const retryField = frame.kind === 'ready' ? `retry: ${retry}\n` : '';
      return named(frame.kind, controlContent(frame), retryField + idField(cursorOf(frame)));
    },
    slice: idEach
      ? ownSlices((frame) => eventParts(frame, { dataOnly, idEach, idField }))
      : dataOnly
        ? payloadSlices
        : recordSlices,
    failure(error) {
      if (error.retryable) return ending(error);
      return dataOnly ? undefined : named('problem', problemOf(error));
    },
    refusal: (error) => (error.retryable ? ending(error) : undefined),
  };
}

const recordSlices = sharedSlices((frame) => eventParts(frame, { dataOnly: false, idEach: false, idField }));
const payloadSlices = sharedSlices((frame) => eventParts(frame, { dataOnly: true, idEach: false, idField }));

function idField(cursor: string): string {
  return cursor === '' || cursor === nowhere || cursor.length > longestId ? '' : `id: ${cursor}\n`;
}
