import { maxDepth } from '../publish/payload.js';
import { comma, type Scan, tokenAt, unknown } from './scan.js';

export interface ArrayRules {
  readonly items: Scan;
  readonly minItems?: number;
  readonly maxItems?: number;
}

const opening = 0x5b;
const closing = 0x5d;

export function arrays({ items, minItems = 0, maxItems = Number.POSITIVE_INFINITY }: ArrayRules): Scan {
  return (bytes, start, depth) => {
    if (bytes[start] !== opening || depth >= maxDepth) return unknown;
    let at = tokenAt(bytes, start + 1);
    let count = 0;
    if (bytes[at] !== closing) {
      for (;;) {
        at = items(bytes, at, depth + 1);
        if (at < 0) return unknown;
        count++;
        at = tokenAt(bytes, at);
        if (bytes[at] !== comma) break;
        at = tokenAt(bytes, at + 1);
      }
      if (bytes[at] !== closing) return unknown;
    }
    return count >= minItems && count <= maxItems ? at + 1 : unknown;
  };
}
