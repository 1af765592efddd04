import { type Scan, unknown } from './scan.js';
import { toWanted } from './text.js';

/** One of these words: `true`, `false`, `null`. */
export function literals(words: readonly string[]): Scan {
  const wanted = words.map(toWanted);
  return (text, at) => {
    for (const word of wanted) if (text.standsAt(at, word)) return at + word.length;
    return unknown;
  };
}
