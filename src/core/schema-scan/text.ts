/** The longest text that is scanned: the largest payload that a topic may take. */
const mostBytes = 8 * 1024 * 1024;

/**
 * The text that is scanned, and behind it a zero byte, at which every scan stops, so that nothing has to look for the end. Pages of it that no text has
 * reached take no memory. It is read through a DataView, by which four bytes take as long as one; an element of a Uint8Array, of which the compiler has to
 * think that it may be beyond the end, takes six times as long as a byte here.
 */
const bytes = new Uint8Array(mostBytes + 8);
const view = new DataView(bytes.buffer);

/**
 * The text that is being scanned: JSON in UTF-8. There is one, as a scan is done before anything else happens, and what reads it are methods of a class:
 * they are compiled into each scan, together with where the text is, while functions of a module would be looked up at each call.
 */
class Text {
  /** All words that strings were looked for the end of, by OR. */
  #words = 0;

  /** Takes a copy of a text, in place of the one before; false if it is too long. */
  load(from: Uint8Array): boolean {
    if (from.length > mostBytes) return false;
    bytes.set(from);
    bytes[from.length] = 0;
    this.#words = 0;
    return true;
  }

  /** Whether the strings that were read may hold more than ASCII. */
  get isBeyondAscii(): boolean {
    return (this.#words & 0x80808080) !== 0;
  }

  byteAt(at: number): number {
    return view.getUint8(at);
  }

  isComma(at: number): boolean {
    return view.getUint8(at) === 0x2c;
  }

  isColon(at: number): boolean {
    return view.getUint8(at) === 0x3a;
  }

  isQuote(at: number): boolean {
    return view.getUint8(at) === 0x22;
  }

  /** Where the next token begins, from `at` on. */
  tokenAt(at: number): number {
    // Most documents have no space between tokens.
    return view.getUint8(at) > 0x20 ? at : spaceEnd(at);
  }

  /** The first byte from `from` on that is no digit. */
  digitsEnd(from: number): number {
    let at = from;
    while (isDigit(view.getUint8(at))) at++;
    return at;
  }

  /** Whether these bytes stand at `at`. */
  standsAt(at: number, wanted: Wanted): boolean {
    if (((view.getInt32(at, true) ^ wanted.word) & wanted.mask) !== 0) return false;
    let { more } = wanted;
    for (let word = at + 4; more !== undefined; word += 4) {
      if (((view.getInt32(word, true) ^ more.word) & more.mask) !== 0) return false;
      more = more.more;
    }
    return true;
  }

  /** The first byte from `from` on that is not itself in a string: the closing quote, an escape, or what must not be there. */
  plainEnd(from: number): number {
    let words = 0;
    for (let at = from; ; at += 4) {
      const word = view.getInt32(at, true);
      words |= word;
      const quotes = word ^ 0x22222222;
      const escapes = word ^ 0x5c5c5c5c;
      // Sets the highest bit of the lowest byte that is a quote, a backslash or below a space, and of no byte before it.
      const found =
        ((quotes - 0x01010101) & ~quotes) | ((escapes - 0x01010101) & ~escapes) | ((word - 0x20202020) & ~word);
      const marks = found & 0x80808080;
      if (marks === 0) continue;
      this.#words |= words;
      return at + ((31 - Math.clz32(marks & -marks)) >> 3);
    }
  }

  /** The closing quote of a string, from an escape on; -1 where it is malformed. */
  escapedEnd(from: number): number {
    let at = from;
    while (view.getUint8(at) === 0x5c) {
      const c = view.getUint8(at + 1);
      if (c === 0x75) {
        for (let i = 2; i < 6; i++) if (!isHex(view.getUint8(at + i))) return -1;
        at += 6;
      } else {
        if (!escapes.has(c)) return -1;
        at += 2;
      }
      at = this.plainEnd(at);
    }
    return this.isQuote(at) ? at : -1;
  }
}

export type { Text };
export const text = new Text();

/** Of `"\/bfnrt`. */
const escapes: ReadonlySet<number> = new Set([0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74]);

function spaceEnd(from: number): number {
  let at = from;
  for (let c = view.getUint8(at); c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09; c = view.getUint8(at)) at++;
  return at;
}

function isHex(c: number): boolean {
  return isDigit(c) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66);
}

export function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

/** Bytes to compare with, none of them zero, four at a time; those of the last word that count are under its mask. */
export interface Wanted {
  readonly length: number;
  readonly word: number;
  readonly mask: number;
  readonly more: Wanted | undefined;
}

export function toWanted(value: string): Wanted {
  return wantedOf(new TextEncoder().encode(value));
}

function wantedOf(encoded: Uint8Array): Wanted {
  const { length } = encoded;
  const word = new DataView(new ArrayBuffer(4));
  encoded.subarray(0, 4).forEach((byte, i) => {
    word.setUint8(i, byte);
  });
  const mask = length < 4 ? (1 << (length * 8)) - 1 : -1;
  const more = length > 4 ? wantedOf(encoded.subarray(4)) : undefined;
  return { length, word: word.getInt32(0, true), mask, more };
}

/** Whether a string stands in documents as it is, unless something is escaped there without need. */
export function isPlain(value: string): boolean {
  // Written out, it has grown by its quotes alone.
  return value.isWellFormed() && JSON.stringify(value).length === value.length + 2;
}
