import { type ByteScan, readText, readVarint, writeText, writeVarint } from './bytes.js';
import type { Cursor, TopicCursor } from './cursor-type.js';

/** Format 1, which every version of the bus reads: `topics, (name, incarnation, partitions, (partition, offset)*)*`. It has no epochs. */
export function writeFormat1(bytes: number[], cursor: Cursor): void {
  writeVarint(bytes, cursor.length);
  for (const { topic, incarnation, positions } of cursor) {
    writeText(bytes, topic);
    writeText(bytes, incarnation);
    writeVarint(bytes, positions.length);
    for (const [partition, offset] of positions) {
      writeVarint(bytes, partition);
      writeVarint(bytes, offset);
    }
  }
}

export function readFormat1(scan: ByteScan): Cursor {
  const topics: TopicCursor[] = [];
  for (let left = readVarint(scan); left > 0; left--) {
    const topic = readText(scan);
    const incarnation = readText(scan);
    const positions: [number, number][] = [];
    for (let more = readVarint(scan); more > 0; more--) positions.push([readVarint(scan), readVarint(scan)]);
    topics.push({ topic, incarnation, positions });
  }
  return topics;
}
