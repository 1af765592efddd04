import { Buffer } from 'node:buffer';
import type { Delivery, EncodedLine } from '../../../core/subscribe/frames.js';
import { LineWriter } from '../line-writer.js';
import { writeRecordLine } from '../record-line.js';

/** About how much is encoded into one piece of memory: as long as one line of it is kept, all of it is. */
const runBytes = 64 * 1024;

/** One for the process: nothing is kept in it beyond a call. */
const writer = new LineWriter();

/** Encodes those that are not yet, once per process; what comes one after the other lies side by side. */
export function encodeLines(topic: string, deliveries: readonly Delivery[]): void {
  let waiting: { delivery: Delivery; from: number; data: number }[] = [];
  const finish = () => {
    const to = writer.length;
    const bytes = writer.take();
    let end = to;
    for (const { delivery, from, data } of waiting.reverse()) {
      delivery.line = { bytes, from, to: end, data };
      end = from;
    }
    waiting = [];
  };
  for (const delivery of deliveries) {
    if (delivery.line !== undefined) continue;
    const from = writer.length;
    waiting.push({ delivery, from, data: writeRecordLine(writer, topic, delivery) });
    if (writer.length >= runBytes) finish();
  }
  if (waiting.length > 0) finish();
}

/** The lines, those that lie side by side as one. They must be encoded. */
export function linePieces(deliveries: readonly Delivery[]): Buffer[] {
  const pieces: Buffer[] = [];
  let bytes: Uint8Array | undefined;
  let from = 0;
  let to = 0;
  for (const delivery of deliveries) {
    const line = lineOf(delivery);
    if (line.bytes === bytes && line.from === to) {
      to = line.to;
      continue;
    }
    if (bytes) pieces.push(part(bytes, from, to));
    ({ bytes, from, to } = line);
  }
  if (bytes) pieces.push(part(bytes, from, to));
  return pieces;
}

export function lineOf({ line }: Delivery): EncodedLine {
  if (line === undefined) throw new TypeError('a line is written that was not encoded');
  return line;
}

export function part(bytes: Uint8Array, from: number, to: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);
}
