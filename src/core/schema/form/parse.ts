import { Buffer } from 'node:buffer';
import { JsonTextError, parseJsonText } from '../../json-text.js';
import { parseExact } from '../../numbers/exact-json.js';
import { isObject } from '../json.js';
import { type Draft, draftOf } from './draft.js';
import { invalidSchema, pointerTo, schemaLimits } from './limits.js';

export type SchemaObject = Record<string, unknown>;

export interface ParsedSchema {
  readonly schema: SchemaObject | boolean;
  readonly draft: Draft;
}

/** Parses a schema's text; numbers that no double holds are ExactNumbers. Throws SCHEMA_INVALID where it is too large or too deep, no JSON, no schema, or of an unknown draft. */
export function parseSchema(definition: string): ParsedSchema {
  const bytes = Buffer.byteLength(definition);
  if (bytes > schemaLimits.bytes) {
    throw invalidSchema('', `it has ${bytes} bytes; at most ${schemaLimits.bytes} are allowed`);
  }
  const schema = parse(definition);
  if (typeof schema !== 'boolean' && !isObject(schema)) throw invalidSchema('', 'a schema is an object or a boolean');
  checkDepth(schema, '', 1);
  return { schema, draft: draftOf(schema) };
}

function parse(definition: string): unknown {
  try {
    return parseExact(definition).document;
  } catch (error) {
    throw invalidSchema('', `it is not JSON: ${placeOfMistake(definition, error)}`, error);
  }
}

/** Line and column, which JSON.parse does not tell. */
function placeOfMistake(definition: string, error: unknown): string {
  try {
    parseJsonText(definition);
  } catch (mistake) {
    if (mistake instanceof JsonTextError) return mistake.message;
  }
  return error instanceof Error ? error.message : String(error);
}

function checkDepth(value: unknown, pointer: string, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > schemaLimits.depth) throw invalidSchema(pointer, `it is nested deeper than ${schemaLimits.depth}`);
  for (const [key, child] of Object.entries(value)) checkDepth(child, pointerTo(pointer, key), depth + 1);
}
