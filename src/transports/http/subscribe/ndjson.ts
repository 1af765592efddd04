import { Buffer } from 'node:buffer';
import { problemOf } from '../problem.js';
import { controlContent } from './control-frames.js';
import { linePieces } from './encoded-lines.js';
import { payloadText } from './payload-text.js';
import { type EventsFrame, sharedSlices } from './slice.js';
import type { StreamFormat } from './stream-format.js';

export const ndjsonType = 'application/x-ndjson';

const lineEnd = Buffer.from('\n');

const records = sharedSlices((frame) => [recordLines(frame)]);
const payloads = sharedSlices((frame) => [payloadLines(frame)]);

function* recordLines({ deliveries, cursor }: EventsFrame): Generator<Uint8Array> {
  yield* linePieces(deliveries);
  yield Buffer.from(`{"cursor":"${cursor}"}\n`);
}

function* payloadLines({ deliveries }: EventsFrame): Generator<Uint8Array> {
  for (const delivery of deliveries) {
    const text = payloadText(delivery);
    if (text === undefined) continue;
    yield text;
    yield lineEnd;
  }
}

/**
 * A line of JSON per record, and one per control frame, with one member that has the frame's name; the cursor after each slice of records is a line of its own. A failure is
 * the last line.
 */
export function ndjson(): StreamFormat {
  return {
    contentType: ndjsonType,
    comesAgain: false,
    control: (frame) => `${JSON.stringify({ [frame.kind]: controlContent(frame) })}\n`,
    slice: records,
    failure: (error) => `${JSON.stringify({ error: problemOf(error) })}\n`,
    refusal: () => undefined,
  };
}

/** The payloads alone, a line each. A clean end is an end; a failure cuts the connection. */
export function ndjsonPayloads(): StreamFormat {
  return { ...ndjson(), control: () => '', slice: payloads, failure: () => undefined };
}
