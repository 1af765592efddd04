import { Buffer } from 'node:buffer';
import type { Delivery, EncodedRecord } from '../../core/subscribe/frames.js';
import { blockBytes, takeBlock } from './frame-blocks.js';
import { writeRecord } from './record-encoder.js';
import { WireWriter } from './wire-writer.js';

/** About how much is encoded into one piece of memory: as long as one record of it is kept, all of it is. */
const runBytes = 64 * 1024;

/** Encodes those that are not yet, once per process, as entries of a repeated field; what comes one after the other lies side by side. */
export function encodeRecords(deliveries: readonly Delivery[], entryTag: number): void {
  for (let start = 0; start < deliveries.length; ) {
    let weight = 0;
    let end = start;
    for (; end < deliveries.length && weight < runBytes; end++) {
      const delivery = deliveries[end];
      if (delivery === undefined || delivery.wire !== undefined) break;
      weight += delivery.bytes;
    }
    if (end > start) encodeRun(deliveries.slice(start, end), weight, entryTag);
    // What stopped the run was encoded already, unless the run was long enough.
    start = Math.max(start + 1, end);
  }
}

/** @param weight of all of them, which is more than what is written, as a rule. */
function encodeRun(run: readonly Delivery[], weight: number, entryTag: number): void {
  const writer = new WireWriter(weight);
  const ends: number[] = [];
  for (const delivery of run) {
    writeRecord(writer, entryTag, delivery);
    ends.push(writer.length);
  }
  const bytes = writer.finish();
  let from = 0;
  for (let i = 0; i < run.length; i++) {
    const delivery = run[i];
    const to = ends[i] ?? from;
    if (delivery !== undefined) delivery.wire = { bytes, from, to };
    from = to;
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

/** Encodes records that are sent once, and keeps nothing with them. The pieces lie in the blocks, as far as they are not too large. */
export function encodeOnce(deliveries: readonly Delivery[], entryTag: number): { pieces: Buffer[]; blocks: Buffer[] } {
  const pieces: Buffer[] = [];
  const blocks: Buffer[] = [];
  const memory = (bytes: number): Buffer => {
    if (bytes > blockBytes) return Buffer.allocUnsafeSlow(bytes);
    const block = takeBlock();
    blocks.push(block);
    return block;
  };
  let room = 0;
  let writer: WireWriter | undefined;
  for (const delivery of deliveries) {
    if (writer === undefined || writer.length + delivery.bytes > room) {
      const next = memory(delivery.bytes);
      room = next.length;
      if (writer === undefined) writer = new WireWriter(next);
      else pieces.push(writer.turnTo(next));
    }
    writeRecord(writer, entryTag, delivery);
  }
  if (writer !== undefined) pieces.push(writer.turnTo(none));
  return { pieces, blocks };
}

const none = Buffer.alloc(0);

function part({ bytes, from, to }: EncodedRecord): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);
}
