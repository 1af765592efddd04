import { Buffer } from 'node:buffer';

/** Parses a JSON Pointer (RFC 6901). Undefined where it is none. */
export function parsePointer(pointer: string): string[] | undefined {
  if (pointer === '') return [];
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) return undefined;
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/**
 * The key that a payload carries at the pointer: the text of a string, the JSON text of a number or a boolean (as a double prints: `1.0` and `1` are one key).
 * Undefined where there is nothing or null; `not_scalar` where there is an object or an array.
 */
export function keyAt(document: unknown, pointer: readonly string[]): Uint8Array | 'not_scalar' | undefined {
  let value = document;
  for (const token of pointer) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, token)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[token];
  }
  switch (typeof value) {
    case 'string':
      return Buffer.from(value);
    case 'number':
    case 'boolean':
      return Buffer.from(String(value));
    default:
      return value === null || value === undefined ? undefined : 'not_scalar';
  }
}
