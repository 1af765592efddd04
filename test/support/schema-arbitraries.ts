import fc from 'fast-check';
import { parseExact, writeExact } from '../../src/core/numbers/exact-json.js';
import { numberOf } from '../../src/core/numbers/exact-number.js';
import { type Draft, draftUris } from '../../src/core/schema/form/draft.js';

/** Few names, texts and numbers, so that what is generated meets. */
const names = ['a', 'b', 'ab', 'c'];
const texts = ['', 'a', 'b', 'ab', 'abc', 'c1', '2024-02-29', '127.0.0.1'];
/** Neighbours of 2^53 and of 1.5, which are equal to these as doubles, among them. */
const numbers = [
  -1,
  0,
  1,
  2,
  3,
  4,
  6,
  0.5,
  1.5,
  10,
  ...['9007199254740992', '9007199254740993', '1.50000000000000001'].map(numberOf),
];
const patterns = ['^a', 'b$', '^[a-c]+$', '^(a|ab)$', '\\d'];
const types = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'];

export const anyDraft: fc.Arbitrary<Draft> = fc.constantFrom('draft-07', '2019-09', '2020-12');

const name = fc.constantFrom(...names);
const count = fc.constantFrom(0, 1, 2, 3);
const number = fc.constantFrom(...numbers);
const someNames = fc.uniqueArray(name, { minLength: 1, maxLength: 2 });
const scalar: fc.Arbitrary<unknown> = fc.oneof(fc.constantFrom(null, true, false), number, fc.constantFrom(...texts));

/** Small documents of the words that the schemas are made of. */
export const anyDocument: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { arbitrary: scalar, weight: 3 },
    { arbitrary: fc.array(tie('value'), { maxLength: 4 }), weight: 2 },
    { arbitrary: fc.dictionary(fc.constantFrom(...names, 'd', 'bb'), tie('value'), { maxKeys: 4 }), weight: 4 },
  ),
})).value;

const values = fc.uniqueArray(fc.oneof(scalar, scalar, anyDocument), {
  minLength: 1,
  maxLength: 4,
  selector: (value) => writeExact(value),
});

/** The keywords of a draft with their values: `one` is a schema for the same value, `child` one for a part of it. */
function keywordsOf(
  draft: Draft,
  one: fc.Arbitrary<unknown>,
  child: fc.Arbitrary<unknown>,
): Record<string, fc.Arbitrary<unknown>> {
  const list = fc.array(one, { minLength: 1, maxLength: 3 });
  const map = (key: fc.Arbitrary<string>, value: fc.Arbitrary<unknown>) =>
    fc.dictionary(key, value, { minKeys: 1, maxKeys: 3 });
  const shared = {
    ...Object.fromEntries([['then', one]]),
    type: fc.oneof(
      fc.constantFrom(...types),
      fc.uniqueArray(fc.constantFrom(...types), { minLength: 1, maxLength: 3 }),
    ),
    enum: values,
    const: fc.oneof(scalar, anyDocument),
    minimum: number,
    maximum: number,
    exclusiveMinimum: number,
    exclusiveMaximum: number,
    multipleOf: fc.constantFrom(1, 2, 3, 0.5, 1.5, numberOf('0.50000000000000000001')),
    minLength: count,
    maxLength: count,
    pattern: fc.constantFrom(...patterns),
    format: fc.constantFrom('date', 'ipv4', 'int32', 'unknown'),
    minItems: count,
    maxItems: count,
    uniqueItems: fc.boolean(),
    contains: child,
    minProperties: count,
    maxProperties: count,
    required: someNames,
    properties: map(name, child),
    patternProperties: map(fc.constantFrom(...patterns), child),
    additionalProperties: child,
    propertyNames: one,
    dependencies: map(name, fc.oneof(one, someNames)),
    allOf: list,
    anyOf: list,
    oneOf: list,
    not: one,
    if: one,
    else: one,
  };
  const children = fc.array(child, { minLength: 1, maxLength: 3 });
  const tuples = { items: fc.oneof(child, children), additionalItems: child };
  if (draft === 'draft-07') return { ...shared, ...tuples };
  const later = {
    dependentRequired: map(name, someNames),
    dependentSchemas: map(name, one),
    minContains: count,
    maxContains: count,
    unevaluatedProperties: child,
    unevaluatedItems: child,
  };
  return draft === '2019-09'
    ? { ...shared, ...later, ...tuples }
    : { ...shared, ...later, items: child, prefixItems: children };
}

/** Keywords that belong together are drawn together, so that they matter. */
const companions: ReadonlyMap<string, readonly string[]> = new Map([
  ['if', ['then', 'else']],
  ['then', ['if']],
  ['else', ['if']],
  ['additionalItems', ['items']],
  ['additionalProperties', ['properties', 'type']],
  ['properties', ['type', 'required']],
  ['minContains', ['contains']],
  ['maxContains', ['contains']],
  ['unevaluatedProperties', ['anyOf', 'properties']],
  ['unevaluatedItems', ['allOf', 'prefixItems']],
]);

/** References to these: only from parts, or from the top, so that every schema comes to an end. */
const references = fc.constantFrom('#/definitions/d', '#/definitions/e', '#').map(($ref) => ({ $ref }));
const dynamicReferences: Readonly<Record<Draft, fc.Arbitrary<unknown>>> = {
  'draft-07': references,
  '2019-09': fc.constant({ $recursiveRef: '#' }),
  '2020-12': fc.constant({ $dynamicRef: '#d' }),
};

function schemaOf(draft: Draft, top = false): fc.Arbitrary<unknown> {
  return fc.letrec<{ schema: unknown; child: unknown }>((tie) => {
    const keywords = keywordsOf(draft, tie('schema'), tie('child'));
    const drawn = fc.uniqueArray(fc.constantFrom(...Object.keys(keywords)), { minLength: 1, maxLength: 3 });
    const object = drawn.chain((chosen) => {
      const wanted = new Set([...chosen, ...chosen.flatMap((keyword) => companions.get(keyword) ?? [])]);
      const model = Object.fromEntries(Object.entries(keywords).filter(([keyword]) => wanted.has(keyword)));
      return fc.record(model, { requiredKeys: chosen.filter((keyword) => keyword in model) });
    });
    const simple = fc.constantFrom<unknown[]>(true, false, {}, { type: 'string' }, { type: 'integer' });
    const named = fc.constantFrom('#/definitions/d', '#/definitions/e').map(($ref) => ({ $ref }));
    return {
      schema: fc.oneof(
        { maxDepth: 3 },
        { arbitrary: simple, weight: 2 },
        { arbitrary: object, weight: 8 },
        { arbitrary: top ? named : simple, weight: 1 },
      ),
      child: fc.oneof(
        { maxDepth: 4 },
        { arbitrary: tie('schema'), weight: 30 },
        { arbitrary: references, weight: 4 },
        { arbitrary: dynamicReferences[draft], weight: 1 },
      ),
    };
  }).schema;
}

export type SchemaObject = Record<string, unknown>;

function document(draft: Draft, root: unknown, d: unknown, e: unknown): SchemaObject {
  const own = typeof root === 'object' && root !== null ? root : { allOf: [root] };
  // What a dynamic reference leads to.
  const target = draft !== '2020-12' ? d : { ...(typeof d === 'object' ? d : { allOf: [d] }), $dynamicAnchor: 'd' };
  return { $schema: draftUris[draft], ...own, definitions: { d: target, e } };
}

/** Whole schemas of a draft. */
function anySchema(draft: Draft): fc.Arbitrary<SchemaObject> {
  const definition = schemaOf(draft);
  return fc.tuple(schemaOf(draft, true), definition, definition).map(([root, d, e]) => document(draft, root, d, e));
}

/** Two schemas of a draft: one that was derived from the other in one place, or two that have nothing in common. */
export function anySchemaPair(draft: Draft): fc.Arbitrary<[SchemaObject, SchemaObject]> {
  const derived = fc
    .tuple(anySchema(draft), fc.nat(), fc.constantFrom('replace', 'remove', 'wrap'), schemaOf(draft), fc.boolean())
    .map(([schema, at, how, other, swap]): [SchemaObject, SchemaObject] => {
      const changed = edit(schema, at, how, other);
      return swap ? [changed, schema] : [schema, changed];
    });
  return fc.oneof(
    { arbitrary: derived, weight: 3 },
    { arbitrary: fc.tuple(anySchema(draft), anySchema(draft)), weight: 1 },
  );
}

/** Changes one of the schemas within a schema. */
function edit(schema: SchemaObject, at: number, how: string, other: unknown): SchemaObject {
  const copy: SchemaObject = Object(parseExact(writeExact(schema)).document);
  const places: [holder: Record<string, unknown>, key: string][] = [];
  collect(copy, places);
  const [holder, key] = places[at % Math.max(1, places.length)] ?? [copy, 'not'];
  const present = holder[key];
  if (how === 'remove' && holder !== copy.definitions && !Array.isArray(holder)) delete holder[key];
  else if (how === 'wrap') holder[key] = { anyOf: [present ?? true, other] };
  else holder[key] = other;
  return copy;
}

const schemaHolders = new Set(['properties', 'patternProperties', 'definitions', 'dependentSchemas']);
const single = ['items', 'contains', 'additionalProperties', 'propertyNames', 'not', 'if', 'then', 'else'];

function collect(schema: unknown, places: [Record<string, unknown>, string][]): void {
  if (typeof schema !== 'object' || schema === null) return;
  const holder: Record<string, unknown> = Object.fromEntries(Object.entries(schema));
  for (const [keyword, value] of Object.entries(holder)) {
    const isMap = schemaHolders.has(keyword);
    const isList = ['allOf', 'anyOf', 'oneOf', 'prefixItems'].includes(keyword);
    if ((isMap || isList) && typeof value === 'object' && value !== null) {
      const members = asMembers(value);
      for (const [key, child] of Object.entries(members)) {
        places.push([members, key]);
        collect(child, places);
      }
    } else if (single.includes(keyword) && !Array.isArray(value)) {
      places.push([asMembers(schema), keyword]);
      collect(value, places);
    }
  }
}

/** An object or array as what it is in JavaScript: something with members. */
function asMembers(value: object): Record<string, unknown> {
  return value as Record<string, unknown>;
}
