import { Buffer } from 'node:buffer';
import type { Delivery } from '../../../core/subscribe/frames.js';
import { lineOf, part } from './encoded-lines.js';
import { payloadText } from './payload-text.js';
import { cursorsWithin } from './record-cursors.js';
import { type EventsFrame, togetherBytes } from './slice.js';

const dataField = Buffer.from('data: ');
const blockEnd = Buffer.from('\n\n');

export interface EventPartsOptions {
  /** The payloads alone as data: records without a payload are left out. */
  readonly dataOnly: boolean;
  /** Each record has an id, at the price of a cursor for each. */
  readonly idEach: boolean;
  /** The field with its line end; empty for a cursor that no client is to come back with. */
  idField(cursor: string): string;
}

interface Block {
  readonly text: Buffer;
  /** Index of the delivery. */
  readonly index: number;
}

/**
 * The records of a slice as blocks of server-sent events, in parts of up to 64 KiB or one record. The last block of each part has an id, so that a cut costs a
 * client one part at most. A slice of which nothing is shown is one `heartbeat` block: the client's place moves on.
 */
export function* eventParts(frame: EventsFrame, options: EventPartsOptions): Generator<Uint8Array[]> {
  const { dataOnly, idEach, idField } = options;
  const parts = partsOf(blocksOf(frame.deliveries, dataOnly ? payloadText : recordText), idEach ? 0 : togetherBytes);
  if (parts.length === 0) {
    const id = idField(frame.cursor);
    if (id !== '') yield [Buffer.from(`event: heartbeat\ndata: {}\n${id}\n`)];
    return;
  }
  // What is not shown before the next part counts as sent with this one.
  const places = parts.map((_, i) => parts[i + 1]?.[0]?.index ?? frame.deliveries.length);
  const cursors = cursorsWithin(frame, places);
  for (const [i, blocks] of parts.entries()) {
    const tail = Buffer.from(`\n${idField(cursors[i] ?? '')}\n`);
    yield blocks.flatMap(({ text }, at) => [dataField, text, at === blocks.length - 1 ? tail : blockEnd]);
  }
}

function blocksOf(deliveries: readonly Delivery[], textOf: (delivery: Delivery) => Buffer | undefined): Block[] {
  return deliveries.flatMap((delivery, index) => {
    const text = textOf(delivery);
    return text === undefined ? [] : [{ text, index }];
  });
}

function partsOf(blocks: readonly Block[], mostBytes: number): Block[][] {
  const parts: Block[][] = [];
  let current: Block[] = [];
  let bytes = 0;
  for (const block of blocks) {
    const size = dataField.length + block.text.length + blockEnd.length;
    if (current.length === 0 || bytes + size > mostBytes) {
      current = [];
      bytes = 0;
      parts.push(current);
    }
    current.push(block);
    bytes += size;
  }
  return parts;
}

/** A record's line without its end. */
function recordText(delivery: Delivery): Buffer {
  const { bytes, from, to } = lineOf(delivery);
  return part(bytes, from, to - 1);
}
