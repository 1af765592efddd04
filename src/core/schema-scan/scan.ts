/**
 * Reads a JSON value that begins at `at`, and says where it ends; `unknown` where it cannot tell whether the value is accepted. It never reads a value to
 * its end that is refused. The text is UTF-8; `depth`: how many objects and arrays are open around the value.
 */
export type Scan = (bytes: Uint8Array, at: number, depth: number) => number;

export const unknown = -1;

/** For what is beyond a scan. */
export const dontKnow: Scan = () => unknown;

export const quote = 0x22;
const backslash = 0x5c;
export const comma = 0x2c;
export const colon = 0x3a;

/** Where the next token begins, from `at` on. */
export function tokenAt(bytes: Uint8Array, at: number): number {
  // Most documents have no space between tokens.
  return (bytes[at] ?? 0) > 0x20 ? at : skipSpace(bytes, at);
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (let c = bytes[at] ?? 0; c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09; c = bytes[at] ?? 0) at++;
  return at;
}

/** Whether these bytes stand at `at`. */
export function standsAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/** Whether a text stands in documents as it is, unless something is escaped there without need. */
export function isPlain(text: string): boolean {
  // Written out, it has grown by its quotes alone.
  return text.isWellFormed() && JSON.stringify(text).length === text.length + 2;
}

/** The first byte from `from` on that is not itself in a text: the closing quote, an escape, or what must not be there. */
export function plainEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  for (let c = bytes[at] ?? 0; c > 0x5c || (c > quote && c < 0x5c) || c === 0x20 || c === 0x21; c = bytes[at] ?? 0)
    at++;
  return at;
}

/** The closing quote of a text, from an escape on; `unknown` where the text is malformed. */
export function escapedEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === backslash) {
    const c = bytes[at + 1] ?? 0;
    if (c === 0x75) {
      for (let i = 2; i < 6; i++) if (!isHex(bytes[at + i] ?? 0)) return unknown;
      at += 6;
    } else {
      if (!escapes.has(c)) return unknown;
      at += 2;
    }
    at = plainEnd(bytes, at);
  }
  return bytes[at] === quote ? at : unknown;
}

/** Of `"\/bfnrt`. */
const escapes: ReadonlySet<number> = new Set([0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74]);

function isHex(c: number): boolean {
  return isDigit(c) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66);
}

export function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}
