import { type Scan, unknown } from './scan.js';
import { isPlain, type Text, toWanted } from './text.js';

export interface TextRules {
  /** In code points. */
  readonly minLength?: number;
  readonly maxLength?: number;
  /** The text is one of these. */
  readonly values?: readonly string[] | undefined;
}

/** Any text. */
export const anyText: Scan = (text, at) => {
  if (!text.isQuote(at)) return unknown;
  const plain = text.plainEnd(at + 1);
  if (text.isQuote(plain)) return plain + 1;
  const end = text.escapedEnd(plain);
  return end < 0 ? end : end + 1;
};

export function texts({ minLength = 0, maxLength = Number.POSITIVE_INFINITY, values }: TextRules): Scan {
  if (values !== undefined) return oneOf(values, minLength, maxLength);
  if (minLength === 0 && maxLength === Number.POSITIVE_INFINITY) return anyText;
  // Of so many bytes a text has `minLength` characters for sure: of 4 bytes each, or of 12 where they are escaped as two surrogates.
  const enough = 4 * (minLength - 1) + 1;
  const enoughEscaped = 12 * (minLength - 1) + 1;
  return (text, at) => {
    if (!text.isQuote(at)) return unknown;
    const start = at + 1;
    const end = text.plainEnd(start);
    const length = end - start;
    if (text.isQuote(end)) {
      if (length >= enough && length <= maxLength) return end + 1;
      const characters = codePoints(text, start, end);
      return characters >= minLength && characters <= maxLength ? end + 1 : unknown;
    }
    const closing = text.escapedEnd(end);
    const escaped = closing - start;
    return closing >= 0 && escaped >= enoughEscaped && escaped <= maxLength ? closing + 1 : unknown;
  };
}

function codePoints(text: Text, start: number, end: number): number {
  let count = 0;
  // All but the bytes that continue a character.
  for (let at = start; at < end; at++) if ((text.byteAt(at) & 0xc0) !== 0x80) count++;
  return count;
}

function oneOf(values: readonly string[], minLength: number, maxLength: number): Scan {
  const fitting = values.filter((value) => {
    const { length } = [...value];
    return isPlain(value) && length >= minLength && length <= maxLength;
  });
  const wanted = fitting.map((value) => toWanted(`"${value}"`));
  return (text, at) => {
    for (const value of wanted) if (text.standsAt(at, value)) return at + value.length;
    return unknown;
  };
}
