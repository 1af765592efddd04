import { isObject } from './json.js';
import { refStandsAlone, schemaKeywords } from './keyword-kinds.js';
import type { Place, SchemaDocument } from './rules.js';

const referenceKeywords = ['$ref', '$recursiveRef', '$dynamicRef'] as const;

/** A schema that applies to the same value as the one it was reached from. */
export interface InPlace {
  readonly place: Place;
  readonly schema: Readonly<Record<string, unknown>>;
}

/**
 * The schema at a place, and all that may apply to the same value through `$ref`, `allOf`, `anyOf`, `oneOf`, `if` and
 * dependents; not through `not`. Undefined where a reference is out of reach.
 */
export function inPlaceSchemas(start: Place): InPlace[] | undefined {
  const found: InPlace[] = [];
  const seen = new Set<unknown>();
  const open: Place[] = [start];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { schema } = place;
    if (!isObject(schema) || seen.has(schema)) continue;
    seen.add(schema);
    if (!standsAlone(place)) found.push({ place, schema });
    for (const next of nextTo(place, false)) {
      if (next === 'unknown') return undefined;
      open.push(next);
    }
  }
  return found;
}

/**
 * The keyword by which any schema that a document uses applies itself to the same value again, or may do so: there the validator does
 * not come to an end and refuses the value, whatever the rest of the schema says.
 */
export function endlessReference({ root }: SchemaDocument): string | undefined {
  const seen = new Set<unknown>();
  const open: Place[] = [root];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { schema } = place;
    if (!isObject(schema) || seen.has(schema)) continue;
    seen.add(schema);
    const reference = referenceKeywords.find((keyword) => typeof schema[keyword] === 'string');
    if (reference !== undefined && appliesItself(place)) return reference;
    for (const next of nextTo(place, true)) if (next !== 'unknown') open.push(next);
    for (const child of subschemas(schema)) open.push(inside(place, child));
  }
  return undefined;
}

/** All schemas that stand in a schema, but for those that only references lead to. */
function* subschemas(schema: Readonly<Record<string, unknown>>): Generator<unknown> {
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === '$defs' || keyword === 'definitions') continue;
    if (schemaKeywords.mapped.has(keyword) && isObject(value)) yield* Object.values(value);
    else if (schemaKeywords.listed.has(keyword) && Array.isArray(value)) yield* value;
    else if (schemaKeywords.single.has(keyword)) yield value;
  }
}

function appliesItself(start: Place): boolean {
  const seen = new Set<unknown>();
  const open = [...nextTo(start, true)];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (place === 'unknown' || place.schema === start.schema) return true;
    if (seen.has(place.schema)) continue;
    seen.add(place.schema);
    open.push(...nextTo(place, true));
  }
  return false;
}

/** The schemas that apply to the same value, one step further; `unknown` for one that is out of reach. */
function* nextTo(place: Place, throughNot: boolean): Generator<Place | 'unknown'> {
  const { document, schema } = place;
  if (!isObject(schema)) return;
  for (const keyword of referenceKeywords) {
    const stated = schema[keyword];
    if (typeof stated !== 'string' || /^https?:\/\/json-schema\.org\//.test(stated)) continue;
    const target = document.resolve(stated, place);
    const certain = keyword === '$ref' || (target !== undefined && document.leadsOnlyTo(keyword, stated, target));
    yield certain && target !== undefined ? target : 'unknown';
  }
  if (standsAlone(place)) return;
  for (const child of applied(schema)) yield inside(place, child);
  if (throughNot && schema.not !== undefined) yield inside(place, schema.not);
}

function inside({ document, base }: Place, schema: unknown): Place {
  return { document, schema, base: document.baseOf(schema) ?? base };
}

function standsAlone({ document, schema }: Place): boolean {
  return refStandsAlone(document.draft) && isObject(schema) && typeof schema.$ref === 'string';
}

function* applied(schema: Readonly<Record<string, unknown>>): Generator<unknown> {
  for (const keyword of ['allOf', 'anyOf', 'oneOf']) {
    const branches = schema[keyword];
    if (Array.isArray(branches)) yield* branches;
  }
  for (const keyword of ['if', 'then', 'else']) if (keyword in schema) yield schema[keyword];
  for (const keyword of ['dependencies', 'dependentSchemas']) {
    const dependents = schema[keyword];
    if (isObject(dependents)) yield* Object.values(dependents);
  }
}
