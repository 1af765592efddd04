import { arrays } from './arrays.js';
import { literals } from './literals.js';
import { anyNumber } from './numbers.js';
import { objects } from './objects.js';
import { type Scan, unknown } from './scan.js';
import { anyText } from './texts.js';

export const kinds = ['null', 'boolean', 'number', 'string', 'array', 'object'] as const;
export type Kind = (typeof kinds)[number];

/** How the values of each kind are scanned. Values of a kind that is absent are refused, for sure. */
export type Kinds = { readonly [K in Kind]?: Scan };

/** Any value of JSON. */
export const anyValue: Scan = (text, at, depth) => scanAny(text, at, depth);

export const anyKinds = {
  null: literals(['null']),
  boolean: literals(['true', 'false']),
  number: anyNumber,
  string: anyText,
  array: arrays({ items: anyValue }),
  object: objects({ properties: new Map(), required: [], additional: anyValue }),
} satisfies Kinds;

/** A value of one of these kinds, which shows in its first byte. */
export function ofKinds(found: Kinds): Scan {
  const present = kinds.flatMap((kind) => found[kind] ?? []);
  // Each scan looks at the first byte itself.
  if (present.length === 1 && present[0] !== undefined) return present[0];
  const { string, number, object, array, boolean, null: nothing } = found;
  return (text, at, depth) => {
    const scan = choose(text.byteAt(at));
    return scan === undefined ? unknown : scan(text, at, depth);
  };

  function choose(first: number): Scan | undefined {
    switch (first) {
      case 0x22:
        return string;
      case 0x7b:
        return object;
      case 0x5b:
        return array;
      case 0x74:
      case 0x66:
        return boolean;
      case 0x6e:
        return nothing;
      default:
        return number;
    }
  }
}

const scanAny = ofKinds(anyKinds);
