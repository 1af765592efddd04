import { mostKeyDigits } from '../publish/key-pointer.js';
import type { Scan } from './scan.js';
import { unknown } from './scan.js';

/** Where the key stands in the documents, and what the scan of one has found of it. */
export class KeyPath {
  /** Where the value of each token began and ended; 0: it was not there. */
  readonly #starts: number[];
  readonly #ends: number[];

  constructor(readonly tokens: readonly string[]) {
    this.#starts = tokens.map(() => 0);
    this.#ends = tokens.map(() => 0);
  }

  start(): void {
    this.#ends.fill(0);
  }

  /** The scan of the member that the token of this index names. A member that comes twice is beyond it: the last one counts, whatever the first one has. */
  kept(index: number, scan: Scan): Scan {
    const isLast = index === this.tokens.length - 1;
    return (text, at, depth) => {
      // A token may also be an index.
      if (this.#ends[index] !== 0 || (!isLast && text.byteAt(at) === 0x5b)) return unknown;
      const end = scan(text, at, depth);
      this.#starts[index] = at;
      this.#ends[index] = end;
      return end;
    };
  }

  /** The key, null where there is none, undefined where it takes more to tell. */
  found(bytes: Uint8Array): Uint8Array | null | undefined {
    const start = this.#starts.at(-1) ?? 0;
    const end = this.#ends.at(-1) ?? 0;
    if (end === 0) return null;
    const value = bytes.subarray(start, end);
    switch (value[0]) {
      case 0x22:
        return value.includes(0x5c) ? undefined : value.subarray(1, -1);
      case 0x6e:
        return null;
      case 0x74:
      case 0x66:
        return value;
      case 0x7b:
      case 0x5b:
        return undefined;
      default:
        return isPlainInteger(value) ? value : undefined;
    }
  }
}

/** Whether an integer stands there as its digits, which are the key. */
function isPlainInteger(value: Uint8Array): boolean {
  if (value.length > mostKeyDigits) return false;
  const first = value[0] === 0x2d ? 1 : 0;
  for (let i = first; i < value.length; i++) if ((value[i] ?? 0) < 0x30 || (value[i] ?? 0) > 0x39) return false;
  return first === 0 || value[1] !== 0x30;
}
