import { Buffer } from 'node:buffer';
import { BitReader, BitWriter, bestRice } from './bits.js';
import { type ByteScan, malformed, readBytes, readText, readVarint, writeText, writeVarint } from './bytes.js';
import type { Cursor, CursorPosition, TopicCursor } from './cursor-type.js';

/**
 * Format 2: epochs, and few bits for each of many partitions.
 *
 *     epochs      count, the first, then the differences
 *     topics      count, then for each of them:
 *     name        text
 *     life        0 and eight bytes for sixteen hexadecimal digits; otherwise its length + 1, and the text
 *     partitions  count, then runs of consecutive ones: how many are left out before it, its length
 *     base        an offset in the middle
 *     bits        k, and for each offset its distance to the base as a Rice code with a sign; then the epochs' indexes, 0 for none
 *
 * Numbers are LEB128. Offsets of one topic are about equally large where keys spread evenly, so that their distances need far fewer bits than they do.
 */
export function writeFormat2(bytes: number[], cursor: Cursor): void {
  const epochs = new Map<number, number>();
  for (const { positions } of cursor)
    for (const [, , epoch] of positions) if (epoch !== undefined) epochs.set(epoch, 0);
  const sorted = [...epochs.keys()].sort((a, b) => a - b);
  writeVarint(bytes, sorted.length);
  sorted.forEach((epoch, i) => {
    epochs.set(epoch, i + 1);
    writeVarint(bytes, epoch - (sorted[i - 1] ?? 0));
  });
  writeVarint(bytes, cursor.length);
  for (const part of cursor) writeTopic(bytes, part, epochs);
}

const shortLife = /^[0-9a-f]{16}$/;
/** More than any stream serves: what says that it has more is none of ours. */
const mostPositions = 100_000;
const kBits = 6;
/** Of a safe integer, in binary. */
const mostDigits = 53;

function writeTopic(
  bytes: number[],
  { topic, incarnation, positions }: TopicCursor,
  epochs: ReadonlyMap<number, number>,
): void {
  writeText(bytes, topic);
  if (shortLife.test(incarnation)) bytes.push(0, ...Buffer.from(incarnation, 'hex'));
  else {
    const text = Buffer.from(incarnation);
    writeVarint(bytes, text.length + 1);
    for (const byte of text) bytes.push(byte);
  }
  const ordered = inOrder(positions);
  writeVarint(bytes, ordered.length);
  if (ordered.length === 0) return;
  writeRuns(bytes, ordered);
  const base = middleOf(ordered);
  writeVarint(bytes, base);
  const bits = new BitWriter(bytes);
  if (ordered.length > 1) writeDistances(bits, ordered, base);
  writeEpochs(bits, ordered, epochs);
  bits.flush();
}

/** As they are where they are in order already, as the server's own always are. Of two of one partition the later counts. */
function inOrder(positions: readonly CursorPosition[]): readonly CursorPosition[] {
  if (positions.every(([partition], i) => i === 0 || partition > (positions[i - 1]?.[0] ?? 0))) return positions;
  const latest = new Map(positions.map((position) => [position[0], position]));
  return [...latest.values()].sort(([a], [b]) => a - b);
}

function writeRuns(bytes: number[], positions: readonly CursorPosition[]): void {
  let after = 0;
  for (let from = 0; from < positions.length; ) {
    const first = positions[from]?.[0] ?? 0;
    let to = from + 1;
    while (to < positions.length && positions[to]?.[0] === first + to - from) to++;
    writeVarint(bytes, first - after);
    writeVarint(bytes, to - from);
    after = first + to - from;
    from = to;
  }
}

/** The median of a few: one that lies far from all others does not move it. */
function middleOf(positions: readonly CursorPosition[]): number {
  const step = Math.max(1, Math.floor(positions.length / 15));
  const sample: number[] = [];
  for (let i = 0; i < positions.length; i += step) sample.push(positions[i]?.[1] ?? 0);
  return sample.sort((a, b) => a - b)[sample.length >> 1] ?? 0;
}

function writeDistances(bits: BitWriter, positions: readonly CursorPosition[], base: number): void {
  const byDigits: number[] = new Array(mostDigits + 1).fill(0);
  for (const [, offset] of positions) {
    const digits = digitsOf(Math.abs(offset - base));
    byDigits[digits] = (byDigits[digits] ?? 0) + 1;
  }
  while (byDigits.at(-1) === 0) byDigits.pop();
  const k = bestRice(byDigits);
  bits.write(k, kBits);
  for (const [, offset] of positions) {
    const distance = Math.abs(offset - base);
    bits.writeRice(distance, k);
    if (distance > 0) bits.write(offset < base ? 1 : 0, 1);
  }
}

const digitsOf = (value: number): number =>
  value < 2 ** 32 ? 32 - Math.clz32(value) : 64 - Math.clz32(Math.floor(value / 2 ** 32));

/** One index for all where they are the same. */
function writeEpochs(bits: BitWriter, positions: readonly CursorPosition[], epochs: ReadonlyMap<number, number>): void {
  const width = digitsOf(epochs.size);
  if (width === 0) return;
  const indexOf = (position: CursorPosition | undefined) => epochs.get(position?.[2] ?? -1) ?? 0;
  const first = indexOf(positions[0]);
  const isSame = positions.every((position) => indexOf(position) === first);
  bits.write(isSame ? 1 : 0, 1);
  for (const position of isSame ? positions.slice(0, 1) : positions) bits.write(indexOf(position), width);
}

/** Throws CURSOR_MALFORMED. */
export function readFormat2(scan: ByteScan): Cursor {
  const epochs: number[] = [];
  for (let left = readVarint(scan); left > 0; left--) epochs.push(checked((epochs.at(-1) ?? 0) + readVarint(scan)));
  const topics: TopicCursor[] = [];
  let room = mostPositions;
  for (let left = readVarint(scan); left > 0; left--) {
    const part = readTopic(scan, epochs, room);
    room -= part.positions.length;
    topics.push(part);
  }
  return topics;
}

function readTopic(scan: ByteScan, epochs: readonly number[], room: number): TopicCursor {
  const topic = readText(scan);
  const length = readVarint(scan);
  const incarnation = length === 0 ? readBytes(scan, 8).toString('hex') : readBytes(scan, length - 1).toString('utf8');
  const count = readVarint(scan);
  if (count > room) throw malformed(`it has more than ${mostPositions} positions`);
  if (count === 0) return { topic, incarnation, positions: [] };
  const partitions = readRuns(scan, count);
  const base = readVarint(scan);
  const bits = new BitReader(scan.bytes, scan.at, scan.end);
  const offsets = count > 1 ? readDistances(bits, count, base) : [base];
  const found = readEpochs(bits, count, epochs);
  scan.at = bits.next;
  const positions = partitions.map((partition, i): CursorPosition => {
    const epoch = found[i];
    const offset = offsets[i] ?? 0;
    return epoch === undefined ? [partition, offset] : [partition, offset, epoch];
  });
  return { topic, incarnation, positions };
}

function readRuns(scan: ByteScan, count: number): number[] {
  const partitions: number[] = [];
  let after = 0;
  while (partitions.length < count) {
    const first = checked(after + readVarint(scan));
    const length = readVarint(scan);
    if (length === 0 || length > count - partitions.length) throw malformed('its partitions do not add up');
    for (let i = 0; i < length; i++) partitions.push(first + i);
    after = checked(first + length);
  }
  return partitions;
}

function readDistances(bits: BitReader, count: number, base: number): number[] {
  const k = some(bits.read(kBits));
  const offsets: number[] = [];
  for (let i = 0; i < count; i++) {
    const distance = some(bits.readRice(k));
    const isBelow = distance > 0 && some(bits.read(1)) === 1;
    offsets.push(checked(isBelow ? base - distance : base + distance));
  }
  return offsets;
}

function readEpochs(bits: BitReader, count: number, epochs: readonly number[]): (number | undefined)[] {
  const width = digitsOf(epochs.length);
  if (width === 0) return [];
  const read = () => {
    const index = some(bits.read(width));
    if (index > epochs.length) throw malformed('it names an epoch that it does not have');
    return index === 0 ? undefined : epochs[index - 1];
  };
  if (some(bits.read(1)) === 0) return Array.from({ length: count }, read);
  const epoch = read();
  return Array.from({ length: count }, () => epoch);
}

function some(value: number | undefined): number {
  if (value === undefined) throw malformed('it ends too early');
  return value;
}

function checked(value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed('a number in it is too large');
}
