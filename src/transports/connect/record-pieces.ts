import { Buffer } from 'node:buffer';
import type { Delivery, EncodedRecord } from '../../core/subscribe/frames.js';
import { writeRecord } from './record-encoder.js';
import { WireWriter } from './wire-writer.js';

/** About how much is encoded into one piece of memory: as long as one record of it is kept, all of it is. */
const runBytes = 64 * 1024;

/** One for the process: nothing is kept in it beyond a call. */
const writer = new WireWriter();

/** Encodes those that are not yet, once per process, as entries of a repeated field; what comes one after the other lies side by side. */
export function encodeRecords(deliveries: readonly Delivery[], entryTag: number): void {
  for (let start = 0; start < deliveries.length; ) {
    const run: Delivery[] = [];
    const ends: number[] = [];
    for (let i = start; i < deliveries.length && writer.length < runBytes; i++) {
      const delivery = deliveries[i];
      if (delivery === undefined || delivery.wire !== undefined) break;
      writeRecord(writer, entryTag, delivery);
      run.push(delivery);
      ends.push(writer.length);
    }
    if (run.length > 0) {
      const bytes = writer.take();
      let from = 0;
      for (const [i, delivery] of run.entries()) {
        const to = ends[i] ?? from;
        delivery.wire = { bytes, from, to };
        from = to;
      }
    }
    // What stopped the run was encoded already, unless the run was long enough.
    start += Math.max(1, run.length);
  }
}

/** The encodings, those that lie side by side as one. */
export function recordPieces(deliveries: readonly Delivery[]): Buffer[] {
  const pieces: Buffer[] = [];
  let run: { -readonly [K in keyof EncodedRecord]: EncodedRecord[K] } | undefined;
  for (const { wire } of deliveries) {
    if (wire === undefined) continue;
    if (run !== undefined && run.bytes === wire.bytes && run.to === wire.from) {
      run.to = wire.to;
      continue;
    }
    if (run !== undefined) pieces.push(part(run));
    run = { ...wire };
  }
  if (run !== undefined) pieces.push(part(run));
  return pieces;
}

function part({ bytes, from, to }: EncodedRecord): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);
}
