import { Buffer } from 'node:buffer';
import { type Scan, standsAt, unknown } from './scan.js';

/** One of these words: `true`, `false`, `null`. */
export function literals(words: readonly string[]): Scan {
  const wanted = words.map((word) => Buffer.from(word));
  return (bytes, at) => {
    for (const word of wanted) if (standsAt(bytes, at, word)) return at + word.length;
    return unknown;
  };
}
