import { dataKeywords } from '../../core/schema/form/keyword-kinds.js';
import { invalidSchema, pointerTo, schemaLimits } from '../../core/schema/form/limits.js';
import { normalize } from '../../core/schema/form/normal-form.js';
import { type ParsedSchema, parseSchema, type SchemaObject } from '../../core/schema/form/parse.js';
import { isObject } from '../../core/schema/json.js';
import { StandIns } from './stand-ins.js';
import type { Pointers } from './violations.js';

/** A schema in normal form that keeps within the limits, and where things stand in it. */
export interface Prepared extends ParsedSchema {
  /** The first place of each regular expression. */
  readonly patterns: ReadonlyMap<string, string>;
  /** The first place of each reference. */
  readonly refs: ReadonlyMap<string, string>;
  readonly pointers: Pointers;
  /** Whether `unevaluatedProperties` or `unevaluatedItems` is used. */
  readonly unevaluated: boolean;
  /** The doubles that stand for numbers which no double holds, in this schema and in documents. */
  readonly standIns: StandIns;
  /** Whether the schema itself has such numbers. */
  readonly hasStandIns: boolean;
}

/** Keywords whose value maps names to schemas. Everything else is taken for a schema where it is an object. */
const mapKeywords = new Set([
  '$defs',
  'definitions',
  'dependencies',
  'dependentSchemas',
  'patternProperties',
  'properties',
]);

/**
 * Parses a schema's text, checks its size, and brings it into normal form. Throws SCHEMA_INVALID.
 *
 * @param check is shown the schema as it was written.
 */
export function prepareSchema(definition: string, check: (parsed: ParsedSchema) => void): Prepared {
  const parsed = parseSchema(definition);
  const standIns = new StandIns();
  const hasStandIns = standIns.replaceConstants(parsed);
  const walk = new Walk();
  walk.visit(parsed.schema, '');
  check(parsed);
  normalize(parsed);
  const { patterns, refs, unevaluated } = walk;
  return { ...parsed, patterns, refs, pointers: walk, unevaluated, standIns, hasStandIns };
}

class Walk implements Pointers {
  readonly patterns = new Map<string, string>();
  readonly refs = new Map<string, string>();
  readonly objects = new Map<unknown, string>();
  readonly falses: string[] = [];
  unevaluated = false;
  #subschemas = 0;
  #patternsLength = 0;

  visit(schema: unknown, pointer: string): void {
    if (Array.isArray(schema)) {
      for (const [index, item] of schema.entries()) this.visit(item, pointerTo(pointer, index));
      return;
    }
    if (!isObject(schema) && typeof schema !== 'boolean') return;
    if (++this.#subschemas > schemaLimits.subschemas) {
      throw invalidSchema(pointer, `it has more than ${schemaLimits.subschemas} subschemas`);
    }
    if (schema === false) this.falses.push(pointer);
    if (typeof schema === 'boolean') return;
    this.objects.set(schema, pointer);
    for (const [keyword, value] of Object.entries(schema)) this.#keyword(keyword, value, pointerTo(pointer, keyword));
  }

  #keyword(keyword: string, value: unknown, pointer: string): void {
    if (dataKeywords.has(keyword)) return;
    if (keyword.startsWith('unevaluated')) this.unevaluated = true;
    if (keyword === 'pattern' && typeof value === 'string') this.#pattern(value, pointer);
    else if (keyword === '$ref' && typeof value === 'string') {
      if (!this.refs.has(value)) this.refs.set(value, pointer);
    } else if (mapKeywords.has(keyword) && isObject(value)) this.#map(keyword, value, pointer);
    else this.visit(value, pointer);
  }

  #map(keyword: string, schemas: SchemaObject, pointer: string): void {
    for (const [name, child] of Object.entries(schemas)) {
      const place = pointerTo(pointer, name);
      if (keyword === 'patternProperties') this.#pattern(name, place);
      this.visit(child, place);
    }
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
