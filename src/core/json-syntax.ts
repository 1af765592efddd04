import { Buffer } from 'node:buffer';

/** A text that is not JSON. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
  /** The event in whose payload it happened, if it was in one. */
  event: number | undefined;

  /** @param position in bytes, from 0 */
  constructor(
    readonly position: number,
    what: string,
  ) {
    super(`${what} at byte ${position} of the request`);
  }
}

export const char = {
  lineFeed: 0x0a,
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  openArray: 0x5b,
  closeArray: 0x5d,
  openObject: 0x7b,
  closeObject: 0x7d,
};

const backslash = 0x5c;
const isEscape = table('"\\/bfnrt');
const isHex = table('0123456789abcdefABCDEF');
const isDigit = table('0123456789');

/**
 * The functions below take the bytes of a JSON text (RFC 8259, UTF-8 or not: above ASCII nothing is looked at) and a place in it, and return
 * the place after what they skip. They accept what JSON.parse accepts, and throw a JsonSyntaxError for all else. Nesting costs a byte a level.
 */
export function skipSpace(bytes: Uint8Array, start: number): number {
  let at = start;
  for (;;) {
    const c = bytes[at];
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return at;
    at++;
  }
}

/** A text, from quote to quote. */
export function skipString(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== char.quote) throw unexpected(bytes, start);
  for (let at = start + 1; ; at++) {
    const c = bytes[at] ?? -1;
    if (c === char.quote) return at + 1;
    if (c === backslash) at = skipEscape(bytes, at);
    else if (c < 0x20) throw unexpected(bytes, at);
  }
}

/** The last place of the escape that begins here. */
function skipEscape(bytes: Uint8Array, start: number): number {
  const at = start + 1;
  if (bytes[at] !== 0x75) {
    if (isEscape[bytes[at] ?? 0] === 1) return at;
    throw unexpected(bytes, at);
  }
  for (let i = 1; i <= 4; i++) if (isHex[bytes[at + i] ?? 0] !== 1) throw unexpected(bytes, at + i);
  return at + 4;
}

/** A member's name, and the colon after it: the place where the value is. */
export function skipColon(bytes: Uint8Array, afterName: number): number {
  const at = skipSpace(bytes, afterName);
  if (bytes[at] !== char.colon) throw unexpected(bytes, at);
  return skipSpace(bytes, at + 1);
}

const inArray = 1;
const inObject = 2;
/** What is open, for values of common depth. */
const shallow = new Uint8Array(128);

/** A value that begins here, of any depth. */
export function skipValue(bytes: Uint8Array, start: number): number {
  let open = shallow;
  let depth = 0;
  let at = start;
  for (;;) {
    const c = bytes[at];
    if (c === char.quote) at = skipString(bytes, at);
    else if (c === char.openObject || c === char.openArray) {
      at = skipSpace(bytes, at + 1);
      if (bytes[at] === c + 2) at++;
      else {
        if (depth === open.length) open = doubled(open);
        open[depth++] = c === char.openObject ? inObject : inArray;
        if (c === char.openObject) at = skipColon(bytes, skipString(bytes, at));
        continue;
      }
    } else at = skipPlain(bytes, at);
    // A value has ended, and with it maybe what it is in.
    for (;;) {
      if (depth === 0) return at;
      at = skipSpace(bytes, at);
      const within = open[depth - 1];
      const next = bytes[at];
      if (next === char.comma) {
        at = skipSpace(bytes, at + 1);
        if (within === inObject) at = skipColon(bytes, skipString(bytes, at));
        break;
      }
      if (next !== (within === inObject ? char.closeObject : char.closeArray)) throw unexpected(bytes, at);
      at++;
      depth--;
    }
  }
}

function skipPlain(bytes: Uint8Array, at: number): number {
  switch (bytes[at]) {
    case 0x74:
      return skipWord(bytes, at, 'true');
    case 0x66:
      return skipWord(bytes, at, 'false');
    case 0x6e:
      return skipWord(bytes, at, 'null');
    default:
      return skipNumber(bytes, at);
  }
}

function skipWord(bytes: Uint8Array, start: number, word: string): number {
  for (let i = 1; i < word.length; i++) {
    if (bytes[start + i] !== word.charCodeAt(i)) throw unexpected(bytes, start + i);
  }
  return start + word.length;
}

function skipNumber(bytes: Uint8Array, start: number): number {
  let at = bytes[start] === 0x2d ? start + 1 : start;
  at = bytes[at] === 0x30 ? at + 1 : skipDigits(bytes, at);
  if (bytes[at] === 0x2e) at = skipDigits(bytes, at + 1);
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    at++;
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++;
    at = skipDigits(bytes, at);
  }
  return at;
}

function skipDigits(bytes: Uint8Array, start: number): number {
  let at = start;
  while (isDigit[bytes[at] ?? 0] === 1) at++;
  if (at === start) throw unexpected(bytes, at);
  return at;
}

export function unexpected(bytes: Uint8Array, at: number): JsonSyntaxError {
  const c = bytes[at];
  if (c === undefined) return new JsonSyntaxError(at, 'the text ends too early');
  const shown = c > 0x20 && c < 0x7f ? `'${String.fromCharCode(c)}'` : `byte 0x${c.toString(16).padStart(2, '0')}`;
  return new JsonSyntaxError(at, `unexpected ${shown}`);
}

function doubled(open: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(open.length * 2);
  larger.set(open);
  return larger;
}

function table(characters: string): Uint8Array {
  const set = new Uint8Array(256);
  for (const character of characters) set[character.charCodeAt(0)] = 1;
  return set;
}

/** A part of the bytes as text. */
export function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}
