import { Buffer } from 'node:buffer';
import { integerText, isJsonNumber, type JsonNumber } from '../numbers/exact-number.js';

/** Parses a JSON Pointer (RFC 6901). Undefined where it is none. */
export function parsePointer(pointer: string): string[] | undefined {
  if (pointer === '') return [];
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) return undefined;
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The longest key that is made of a number: as long as any key may be. */
export const mostKeyDigits = 64 * 1024;

/** Why a payload has no key where the pointer leads. */
export type NoKey = 'not_scalar' | 'not_exact';

/**
 * The key that a payload carries at the pointer: the text of a string, `true` or `false`, an integer as its decimal digits (`1`, `1.0` and `1e0` are one key,
 * `12345678901234567890` is its own), a fraction as the shortest decimal of its double. Undefined where there is nothing or null; `not_scalar`
 * where there is an object or an array; `not_exact` for a fraction that this decimal does not equal, and for an integer of more than 65,536 digits.
 */
export function keyAt(document: unknown, pointer: readonly string[]): Uint8Array | NoKey | undefined {
  let value = document;
  for (const token of pointer) {
    if (!isContainer(value) || !Object.hasOwn(value, token)) return undefined;
    value = value[token];
  }
  if (isJsonNumber(value)) return numberKey(value);
  switch (typeof value) {
    case 'string':
      return Buffer.from(value);
    case 'boolean':
      return Buffer.from(String(value));
    default:
      return value === null || value === undefined ? undefined : 'not_scalar';
  }
}

function numberKey(value: JsonNumber): Uint8Array | NoKey {
  const digits = integerText(value, mostKeyDigits);
  if (digits === 'too_long') return 'not_exact';
  if (digits !== undefined) return Buffer.from(digits);
  return typeof value === 'number' ? Buffer.from(String(value)) : 'not_exact';
}

function isContainer(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !isJsonNumber(value);
}
