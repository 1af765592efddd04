import { isObject } from '../json.js';
import { type Draft, draftNamed, draftUris } from './draft.js';
import { dataKeywords } from './keyword-kinds.js';
import { invalidSchema, pointerTo } from './limits.js';
import type { ParsedSchema, SchemaObject } from './parse.js';
import type { Resources, Spot, Target } from './resources.js';

type Outside = Extract<Target, { outside: string }>;

export interface LocalizeOptions {
  /** What the pointers of the result start with: `#` where the schema stays a document of its own. */
  readonly prefix?: string;
  /** A reference for one that leads to another document; undefined where it must not. */
  readonly outside?: (target: Outside, place: string) => string | undefined;
}

const identifiers = ['$id', '$anchor', '$dynamicAnchor', '$recursiveAnchor', '$vocabulary', '$async', 'id'];

/**
 * Rewrites a schema in place, so that every reference is a `$ref` with a pointer from the top, and there are no identifiers any more: then `$id`s
 * that are there twice do no harm, and validator and checker cannot differ in where a reference leads. Throws SCHEMA_INVALID for a reference that
 * leads nowhere, to another document, or to different places depending on where the evaluation comes from.
 */
export function localize({ draft }: ParsedSchema, resources: Resources, options: LocalizeOptions = {}): void {
  const found: [schema: SchemaObject, reference: string][] = [];
  // Resolving finds schemas behind unknown keywords, which come last.
  for (const spot of resources.spots.values()) {
    if (!isObject(spot.schema)) continue;
    const reference = referenceAt(spot, draft, resources, options);
    if (reference !== undefined) found.push([spot.schema, reference]);
  }
  for (const { schema } of resources.spots.values()) if (isObject(schema)) removeIdentifiers(schema, resources);
  for (const [schema, reference] of found) {
    delete schema.$recursiveRef;
    delete schema.$dynamicRef;
    schema.$ref = reference;
  }
}

/** Where the schema's reference leads, written as a pointer from the top. */
function referenceAt(
  { schema, pointer, resource }: Spot,
  draft: Draft,
  resources: Resources,
  { prefix = '#', outside }: LocalizeOptions,
): string | undefined {
  if (!isObject(schema)) return undefined;
  const stated = referencesOf(schema, draft);
  const [reference, another] = stated;
  if (reference === undefined) return undefined;
  const place = pointerTo(pointer, reference.keyword);
  if (another !== undefined) {
    const both = `${reference.keyword} and ${another.keyword}`;
    throw invalidSchema(place, `${both} stand beside each other; put the one into allOf`);
  }
  const target = resources.resolve(reference.uri, resource);
  const shown = JSON.stringify(reference.uri.slice(0, 200));
  if ('nowhere' in target) throw invalidSchema(place, `the reference ${shown} ${target.nowhere}`);
  if ('outside' in target) {
    const elsewhere = outside?.(target, place) ?? metaSchema(target, draft);
    if (elsewhere !== undefined) return elsewhere;
    throw invalidSchema(place, `the reference ${shown} leads to another document; ${advice(target)}`);
  }
  if (isDynamic(reference, target, resources)) {
    throw invalidSchema(
      place,
      `the ${reference.keyword} ${shown} leads to different schemas, depending on where it is reached from; use $ref`,
    );
  }
  return prefix + asFragment(target.pointer);
}

interface Reference {
  readonly keyword: '$ref' | '$recursiveRef' | '$dynamicRef';
  readonly uri: string;
}

function referencesOf(schema: SchemaObject, draft: Draft): Reference[] {
  const own = { 'draft-07': [], '2019-09': ['$recursiveRef'], '2020-12': ['$dynamicRef'] } as const;
  return (['$ref', ...own[draft]] as const).flatMap((keyword): Reference[] => {
    const uri = schema[keyword];
    return typeof uri === 'string' ? [{ keyword, uri }] : [];
  });
}

/** By the specification a dynamic reference is an ordinary one, unless several parts of the schema compete for its target. */
function isDynamic({ keyword, uri }: Reference, target: Spot, { all }: Resources): boolean {
  const competes = ({ root, dynamicAnchors }: Spot['resource']) => {
    if (keyword === '$recursiveRef') return isObject(root.schema) && root.schema.$recursiveAnchor === true;
    return dynamicAnchors.has(uri.slice(uri.indexOf('#') + 1));
  };
  return keyword !== '$ref' && competes(target.resource) && all.filter(competes).length > 1;
}

function metaSchema({ outside, fragment }: Outside, draft: Draft): string | undefined {
  if (draftNamed(outside) === draft) return `${draftUris[draft].replace('#', '')}#${fragment}`;
  return /^https?:\/\/json-schema\.org\//.test(outside) ? `${outside}#${fragment}` : undefined;
}

function advice({ outside }: Outside): string {
  return outside.startsWith('mainstem:')
    ? 'such references are resolved when the schema is registered'
    : 'those are never fetched: copy it into $defs, or register it and refer to mainstem:///topics/<topic>/schemas/<version>';
}

function removeIdentifiers(schema: SchemaObject, { spots }: Resources): void {
  for (const keyword of identifiers) delete schema[keyword];
  for (const [keyword, value] of Object.entries(schema)) if (!dataKeywords.has(keyword)) strip(value, spots);
}

/** Identifiers where no schema stands are none, but ajv takes them for some. */
function strip(value: unknown, spots: Resources['spots']): void {
  if (typeof value !== 'object' || value === null || spots.has(value)) return;
  if (isObject(value)) {
    for (const keyword of identifiers) if (typeof value[keyword] === 'string') delete value[keyword];
  }
  for (const child of Object.values(value)) strip(child, spots);
}

/** A JSON Pointer as the fragment of a URI. */
export function asFragment(pointer: string): string {
  return pointer
    .split('/')
    .map((token) => token.replace(/[^\w.~!$&'()*+,;=:@-]+/g, escaped))
    .join('/');
}

function escaped(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    // Half a character: no URI can have it, but what reads this one does not mind.
    return text;
  }
}
