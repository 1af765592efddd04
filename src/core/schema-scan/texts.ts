import { Buffer } from 'node:buffer';
import { escapedEnd, isPlain, plainEnd, quote, type Scan, standsAt, unknown } from './scan.js';

export interface TextRules {
  /** In code points. */
  readonly minLength?: number;
  readonly maxLength?: number;
  /** The text is one of these. */
  readonly values?: readonly string[] | undefined;
}

/** Any text. */
export const anyText: Scan = (bytes, at) => {
  if (bytes[at] !== quote) return unknown;
  const plain = plainEnd(bytes, at + 1);
  if (bytes[plain] === quote) return plain + 1;
  const end = escapedEnd(bytes, plain);
  return end < 0 ? end : end + 1;
};

export function texts({ minLength = 0, maxLength = Number.POSITIVE_INFINITY, values }: TextRules): Scan {
  if (values !== undefined) return oneOf(values, minLength, maxLength);
  if (minLength === 0 && maxLength === Number.POSITIVE_INFINITY) return anyText;
  // Of so many bytes a text has `minLength` characters for sure: of 4 bytes each, or of 12 where they are escaped as two surrogates.
  const enough = 4 * (minLength - 1) + 1;
  const enoughEscaped = 12 * (minLength - 1) + 1;
  return (bytes, at) => {
    if (bytes[at] !== quote) return unknown;
    const start = at + 1;
    const end = plainEnd(bytes, start);
    const length = end - start;
    if (bytes[end] === quote) {
      if (length >= enough && length <= maxLength) return end + 1;
      const characters = codePoints(bytes, start, end);
      return characters >= minLength && characters <= maxLength ? end + 1 : unknown;
    }
    const closing = escapedEnd(bytes, end);
    const escaped = closing - start;
    return closing >= 0 && escaped >= enoughEscaped && escaped <= maxLength ? closing + 1 : unknown;
  };
}

function codePoints(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  // All but the bytes that continue a character.
  for (let at = start; at < end; at++) if (((bytes[at] ?? 0) & 0xc0) !== 0x80) count++;
  return count;
}

function oneOf(values: readonly string[], minLength: number, maxLength: number): Scan {
  const fitting = values.filter((value) => {
    const { length } = [...value];
    return isPlain(value) && length >= minLength && length <= maxLength;
  });
  const wanted = fitting.map((value) => Buffer.from(`"${value}"`));
  return (bytes, at) => {
    for (const value of wanted) if (standsAt(bytes, at, value)) return at + value.length;
    return unknown;
  };
}
