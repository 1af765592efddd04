import { canonical } from '../json.js';
import { parseSchema } from './parse.js';

/**
 * The one text of all schemas that differ only in the order of members, in white space, and in how numbers and characters are spelled (`1.0` and
 * `1`, `\u0061` and `a`): what is equal here is the same schema. Of a member that is there twice the last one counts, as everywhere.
 * Throws SCHEMA_INVALID where the text is too large or too deep, or no schema.
 */
export function canonicalSchema(definition: string): string {
  return canonical(parseSchema(definition).schema);
}
