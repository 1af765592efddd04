import { Buffer } from 'node:buffer';
import { JsonTextError, parseJsonText } from '../../core/json-text.js';
import { draftOf } from './drafts.js';
import { isObject } from './json.js';
import { invalidSchema, pointerTo, schemaLimits } from './limits.js';

/** A schema that keeps within the limits, and where its regular expressions and references stand. */
export interface Prepared {
  readonly schema: Record<string, unknown> | boolean;
  /** The first place of each regular expression. */
  readonly patterns: ReadonlyMap<string, string>;
  /** The first place of each reference. */
  readonly refs: ReadonlyMap<string, string>;
  /** Whether a reference's target depends on where the evaluation comes from. */
  readonly dynamic: boolean;
}

/** Keywords whose value is data, or maps names to schemas. Everything else is taken for a schema where it is an object. */
const dataKeywords = new Set(['const', 'default', 'enum', 'examples']);
const mapKeywords = new Set([
  '$defs',
  'definitions',
  'dependencies',
  'dependentSchemas',
  'patternProperties',
  'properties',
]);
const refKeywords = new Set(['$ref', '$dynamicRef', '$recursiveRef']);

/** Parses a schema's text and checks its size. Throws SCHEMA_INVALID. */
export function prepareSchema(definition: string): Prepared {
  const bytes = Buffer.byteLength(definition);
  if (bytes > schemaLimits.bytes) {
    throw invalidSchema('', `it has ${bytes} bytes; at most ${schemaLimits.bytes} are allowed`);
  }
  const schema = parse(definition);
  if (typeof schema !== 'boolean' && !isObject(schema)) throw invalidSchema('', 'a schema is an object or a boolean');
  checkDepth(schema, '', 1);
  const walk = new Walk(draftOf(schema).refStandsAlone);
  walk.visit(schema, '');
  return { schema, patterns: walk.patterns, refs: walk.refs, dynamic: walk.dynamic };
}

function parse(definition: string): unknown {
  try {
    return parseJsonText(definition);
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    throw invalidSchema('', `it is not JSON: ${error.message}`, error);
  }
}

function checkDepth(value: unknown, pointer: string, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > schemaLimits.depth) throw invalidSchema(pointer, `it is nested deeper than ${schemaLimits.depth}`);
  for (const [key, child] of Object.entries(value)) checkDepth(child, pointerTo(pointer, key), depth + 1);
}

class Walk {
  readonly patterns = new Map<string, string>();
  readonly refs = new Map<string, string>();
  dynamic = false;
  readonly #refStandsAlone: boolean;
  #subschemas = 0;
  #patternsLength = 0;

  constructor(refStandsAlone: boolean) {
    this.#refStandsAlone = refStandsAlone;
  }

  visit(schema: unknown, pointer: string): void {
    if (Array.isArray(schema)) {
      for (const [index, item] of schema.entries()) this.visit(item, pointerTo(pointer, index));
      return;
    }
    if (!isObject(schema) && typeof schema !== 'boolean') return;
    if (++this.#subschemas > schemaLimits.subschemas) {
      throw invalidSchema(pointer, `it has more than ${schemaLimits.subschemas} subschemas`);
    }
    if (typeof schema === 'boolean') return;
    // Not keywords of JSON Schema, and yet ajv obeys them: an asynchronous validator would accept everything.
    delete schema.$async;
    delete schema.nullable;
    // The one keyword beside it that ajv obeys nevertheless, and only sometimes.
    if (this.#refStandsAlone && typeof schema.$ref === 'string') delete schema.type;
    for (const [keyword, value] of Object.entries(schema)) this.#keyword(keyword, value, pointerTo(pointer, keyword));
  }

  #keyword(keyword: string, value: unknown, pointer: string): void {
    if (dataKeywords.has(keyword)) return;
    if (keyword === 'pattern' && typeof value === 'string') this.#pattern(value, pointer);
    else if (refKeywords.has(keyword) && typeof value === 'string') {
      if (!this.refs.has(value)) this.refs.set(value, pointer);
      if (keyword !== '$ref') this.dynamic = true;
    } else if (mapKeywords.has(keyword) && isObject(value)) {
      for (const [name, child] of Object.entries(value)) {
        const place = pointerTo(pointer, name);
        if (keyword === 'patternProperties') this.#pattern(name, place);
        this.visit(child, place);
      }
    } else this.visit(value, pointer);
  }

  #pattern(pattern: string, pointer: string): void {
    if (this.patterns.has(pattern)) return;
    this.patterns.set(pattern, pointer);
    this.#patternsLength += pattern.length;
    if (pattern.length > schemaLimits.patternLength) {
      throw invalidSchema(pointer, `the regular expression is longer than ${schemaLimits.patternLength} characters`);
    }
    if (this.#patternsLength > schemaLimits.patternsLength) {
      const most = schemaLimits.patternsLength;
      throw invalidSchema(pointer, `all regular expressions together are longer than ${most} characters`);
    }
  }
}
