import { BusError } from '../../errors.js';

/** What a schema may cost. ajv turns schemas into code, so these are checked before it sees one. */
export const schemaLimits = {
  /** UTF-8 bytes of the text. */
  bytes: 512 * 1024,
  /** Nesting of objects and arrays. */
  depth: 64,
  /** Objects and booleans where a schema may stand. So many compile within 2 s; ajv overflows the stack at about twice as many. */
  subschemas: 2_000,
  /** Characters of one regular expression. */
  patternLength: 4_096,
  /** Characters of all regular expressions together. */
  patternsLength: 64 * 1024,
  /** Size of one regular expression's program: what a character of a text may cost. */
  patternProgram: 5_000,
} as const;

/** SCHEMA_INVALID at a place of the schema. */
export function invalidSchema(pointer: string, what: string, cause?: unknown): BusError {
  const shown = pointer.length > 300 ? `${pointer.slice(0, 300)}…` : pointer;
  return new BusError('SCHEMA_INVALID', `the schema is invalid at ${shown === '' ? 'its top' : shown}: ${what}`, {
    cause,
    metadata: { pointer: shown },
  });
}

/** One more token of a JSON Pointer. */
export function pointerTo(parent: string, token: string | number): string {
  return typeof token === 'number'
    ? `${parent}/${token}`
    : `${parent}/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
