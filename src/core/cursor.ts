import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { malformed } from './cursor/bytes.js';
import type { Cursor } from './cursor/cursor-type.js';
import { readFormat1, writeFormat1 } from './cursor/format-1.js';
import { readFormat2, writeFormat2 } from './cursor/format-2.js';
import type { BusError } from './errors.js';

export type { Cursor, CursorPosition, TopicCursor } from './cursor/cursor-type.js';

/** The format level from which on every instance of a fleet reads format 2. */
const format2Level = 1;
/** 10,000 partitions with the largest offsets, in a hundred topics with the longest names, fit well. */
const maxCursorChars = 256 * 1024;

/** The one that was encoded last: live streams that stand at the same place ask for it one after the other. */
let latest: { readonly cursor: Cursor; readonly level: number; readonly text: string } | undefined;

/** @param level the fleet's format level: below 1 the cursor is written in format 1, without epochs, which every version reads. */
export function encodeCursor(cursor: Cursor, level = 0): string {
  if (latest?.level !== level || !isSame(latest.cursor, cursor)) latest = { cursor, level, text: write(cursor, level) };
  return latest.text;
}

/** The lowest format level that a cursor may have been written at: for those who write another one in its place. */
export function levelOf(cursor: string): number {
  return Buffer.from(cursor.slice(0, 4), 'base64url')[0] === 2 ? format2Level : 0;
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
        part.positions.every(([partition, next, epoch], j) => {
          const position = other.positions[j];
          return partition === position?.[0] && next === position[1] && epoch === position[2];
        })
      );
    })
  );
}

function write(cursor: Cursor, level: number): string {
  const format = level >= format2Level ? 2 : 1;
  const bytes: number[] = [format];
  if (format === 2) writeFormat2(bytes, cursor);
  else writeFormat1(bytes, cursor);
  const body = Buffer.allocUnsafe(bytes.length + 4);
  body.set(bytes);
  body.writeUInt32LE(crc32(body.subarray(0, bytes.length)), bytes.length);
  return body.toString('base64url');
}

/** Throws CURSOR_MALFORMED. That its topics exist, and are the same ones still, is for the caller to check. */
export function decodeCursor(cursor: string): Cursor {
  if (cursor === '') throw malformed('it is empty');
  if (cursor.length > maxCursorChars)
    throw malformed(`it has ${cursor.length} characters; at most ${maxCursorChars} are possible`);
  if (!/^[A-Za-z0-9_-]+$/.test(cursor)) throw malformed('it has characters that no cursor has');
  const bytes = Buffer.from(cursor, 'base64url');
  // The decoder passes over characters that make no whole byte, and bits that are none.
  if (bytes.toString('base64url') !== cursor) throw notWhole(cursor, 'it has characters too many');
  const end = bytes.length - 4;
  if (end < 1) throw notWhole(cursor, 'it is too short');
  // The checksum first: a cursor cut short in copying should not be mistaken for one of another version.
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) throw notWhole(cursor, 'its checksum is wrong');
  const scan = { bytes, at: 1, end };
  const found = read(scan);
  if (scan.at !== end) throw malformed('it has more bytes than it says');
  return found;
}

function read(scan: Parameters<typeof readFormat1>[0]): Cursor {
  switch (scan.bytes[0]) {
    case 1:
      return readFormat1(scan);
    case 2:
      return readFormat2(scan);
    default:
      throw malformed(`it has format version ${scan.bytes[0]}; this server reads versions 1 and 2`);
  }
}

/** The shortest cursor of a topic is longer than a word or a number that people type in its place. */
function notWhole(cursor: string, why: string): BusError {
  if (cursor.length >= 16) return malformed(`${why}; was it copied whole?`);
  return malformed(
    `${JSON.stringify(cursor)} is too short for one: earliest, latest, a time or an offset is no cursor, and has a form of its own`,
  );
}
