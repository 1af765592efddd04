import { Buffer } from 'node:buffer';
import { BusError } from '../errors.js';

/** Where a cursor's bytes are being read. */
export interface ByteScan {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;
}

/** LEB128. */
export function writeVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
}

export function writeText(bytes: number[], value: string): void {
  const encoded = Buffer.from(value);
  writeVarint(bytes, encoded.length);
  for (const byte of encoded) bytes.push(byte);
}

/** Throws CURSOR_MALFORMED, as all that reads a cursor. */
export function readVarint(scan: ByteScan): number {
  let value = 0;
  let factor = 1;
  for (;;) {
    const byte = scan.at < scan.end ? scan.bytes[scan.at++] : undefined;
    if (byte === undefined) throw malformed('it ends too early');
    value += (byte & 0x7f) * factor;
    if (!Number.isSafeInteger(value)) throw malformed('a number in it is too large');
    if (byte < 0x80) return value;
    factor *= 0x80;
  }
}

export function readText(scan: ByteScan): string {
  return readBytes(scan, readVarint(scan)).toString('utf8');
}

export function readBytes(scan: ByteScan, length: number): Buffer {
  const end = scan.at + length;
  if (end > scan.end) throw malformed('it ends too early');
  const bytes = scan.bytes.subarray(scan.at, end);
  scan.at = end;
  return bytes;
}

export function malformed(why: string): BusError {
  return new BusError('CURSOR_MALFORMED', `the cursor cannot be read: ${why}`);
}
