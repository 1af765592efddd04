import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { BusError } from './errors.js';

/**
 * A place in one or several topics: for each partition it names, the offset of the next record. A cursor may cover only some
 * of a topic's partitions; one that it lacks was added later, and starts at its beginning.
 *
 * On the wire it is one opaque URL-safe string, the same everywhere: base64url of
 * `version, topics, (name, incarnation, partitions, (partition, offset)*)*, crc32`, with LEB128 numbers and length-prefixed texts.
 */
export type Cursor = readonly TopicCursor[];

export interface TopicCursor {
  readonly topic: string;
  readonly incarnation: string;
  readonly positions: readonly (readonly [partition: number, nextOffset: number])[];
}

const formatVersion = 1;
/** 10,000 partitions with the largest offsets, in a hundred topics with the longest names, fit well. */
const maxCursorChars = 256 * 1024;

/** The one that was encoded last: live streams that stand at the same place ask for it one after the other. */
let latest: { readonly cursor: Cursor; readonly text: string } | undefined;

export function encodeCursor(cursor: Cursor): string {
  if (latest === undefined || !isSame(latest.cursor, cursor)) latest = { cursor, text: write(cursor) };
  return latest.text;
}

function isSame(a: Cursor, b: Cursor): boolean {
  return (
    a.length === b.length &&
    a.every((part, i) => {
      const other = b[i];
      return (
        part.topic === other?.topic &&
        part.incarnation === other.incarnation &&
        part.positions.length === other.positions.length &&
        part.positions.every(([partition, next], j) => {
          const position = other.positions[j];
          return partition === position?.[0] && next === position[1];
        })
      );
    })
  );
}

function write(cursor: Cursor): string {
  const bytes: number[] = [formatVersion];
  varint(bytes, cursor.length);
  for (const { topic, incarnation, positions } of cursor) {
    text(bytes, topic);
    text(bytes, incarnation);
    varint(bytes, positions.length);
    for (const [partition, offset] of positions) {
      varint(bytes, partition);
      varint(bytes, offset);
    }
  }
  const body = Buffer.allocUnsafe(bytes.length + 4);
  body.set(bytes);
  body.writeUInt32LE(crc32(body.subarray(0, bytes.length)), bytes.length);
  return body.toString('base64url');
}

function varint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
}

function text(bytes: number[], value: string): void {
  const encoded = Buffer.from(value);
  varint(bytes, encoded.length);
  for (const byte of encoded) bytes.push(byte);
}

/** Throws CURSOR_MALFORMED. That its topics exist, and are the same ones still, is for the caller to check. */
export function decodeCursor(cursor: string): Cursor {
  if (cursor === '') throw malformed('it is empty');
  if (cursor.length > maxCursorChars)
    throw malformed(`it has ${cursor.length} characters; at most ${maxCursorChars} are possible`);
  if (!/^[A-Za-z0-9_-]+$/.test(cursor)) throw malformed('it has characters that no cursor has');
  const bytes = Buffer.from(cursor, 'base64url');
  // The decoder passes over characters that make no whole byte, and bits that are none.
  if (bytes.toString('base64url') !== cursor) throw malformed('it has characters too many; was it copied whole?');
  const end = bytes.length - 4;
  if (end < 1) throw malformed('it is too short');
  // The checksum first: a cursor cut short in copying should not be mistaken for one of another version.
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end))
    throw malformed('its checksum is wrong; was it copied whole?');
  if (bytes[0] !== formatVersion)
    throw malformed(`it has format version ${bytes[0]}; this server reads version ${formatVersion}`);
  const reader = { bytes, at: 1, end };
  const topics: TopicCursor[] = [];
  for (let left = readVarint(reader); left > 0; left--) {
    const topic = readText(reader);
    const incarnation = readText(reader);
    const positions: [number, number][] = [];
    for (let more = readVarint(reader); more > 0; more--) positions.push([readVarint(reader), readVarint(reader)]);
    topics.push({ topic, incarnation, positions });
  }
  if (reader.at !== end) throw malformed('it has more bytes than it says');
  return topics;
}

interface Reader {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;
}

function readVarint(reader: Reader): number {
  let value = 0;
  let factor = 1;
  for (;;) {
    const byte = reader.at < reader.end ? reader.bytes[reader.at++] : undefined;
    if (byte === undefined) throw malformed('it ends too early');
    value += (byte & 0x7f) * factor;
    if (!Number.isSafeInteger(value)) throw malformed('a number in it is too large');
    if (byte < 0x80) return value;
    factor *= 0x80;
  }
}

function readText(reader: Reader): string {
  const length = readVarint(reader);
  if (reader.at + length > reader.end) throw malformed('it ends too early');
  const value = reader.bytes.toString('utf8', reader.at, reader.at + length);
  reader.at += length;
  return value;
}

function malformed(why: string): BusError {
  return new BusError('CURSOR_MALFORMED', `the cursor cannot be read: ${why}`);
}
