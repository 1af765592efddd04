import { maxDepth } from '../publish/payload.js';
import { type Scan, unknown } from './scan.js';

export interface ArrayRules {
  readonly items: Scan;
  readonly minItems?: number;
  readonly maxItems?: number;
}

const opening = 0x5b;
const closing = 0x5d;

export function arrays({ items, minItems = 0, maxItems = Number.POSITIVE_INFINITY }: ArrayRules): Scan {
  return (text, start, depth) => {
    if (text.byteAt(start) !== opening || depth >= maxDepth) return unknown;
    let at = text.tokenAt(start + 1);
    let count = 0;
    if (text.byteAt(at) !== closing) {
      for (;;) {
        at = items(text, at, depth + 1);
        if (at < 0) return unknown;
        count++;
        at = text.tokenAt(at);
        if (!text.isComma(at)) break;
        at = text.tokenAt(at + 1);
      }
      if (text.byteAt(at) !== closing) return unknown;
    }
    return count >= minItems && count <= maxItems ? at + 1 : unknown;
  };
}
