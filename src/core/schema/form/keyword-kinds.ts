import type { Draft } from './draft.js';

/** Keywords whose value is one schema. */
const single = [
  'additionalItems',
  'additionalProperties',
  'contains',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
];
/** Keywords whose value is a list of schemas. */
const listed = ['allOf', 'anyOf', 'items', 'oneOf', 'prefixItems'];
/** Keywords whose value maps names to schemas. */
const mapped = ['$defs', 'definitions', 'dependencies', 'dependentSchemas', 'patternProperties', 'properties'];

export const schemaKeywords = {
  single: new Set(single),
  listed: new Set(listed),
  mapped: new Set(mapped),
};

/** The keywords of draft-07 that say something of a value. */
export const assertions: ReadonlySet<string> = new Set([
  ...single,
  ...listed,
  ...mapped.filter((keyword) => keyword !== '$defs' && keyword !== 'definitions'),
  ...['const', 'enum', 'exclusiveMaximum', 'exclusiveMinimum', 'format', 'maximum', 'maxItems', 'maxLength'],
  ...[
    'maxProperties',
    'minimum',
    'minItems',
    'minLength',
    'minProperties',
    'multipleOf',
    'pattern',
    'required',
    'type',
  ],
  'uniqueItems',
]);

/** Keywords of later drafts that say something of a value, and references, of any draft. */
const laterAssertions = [
  ...['$ref', '$dynamicRef', '$recursiveRef', 'prefixItems', 'dependentRequired', 'dependentSchemas'],
  ...['minContains', 'maxContains', 'unevaluatedItems', 'unevaluatedProperties'],
];

/** All keywords that may make a schema refuse a value. */
export const asserting: ReadonlySet<string> = new Set([...assertions, ...laterAssertions]);

/** Keywords whose value is data, whatever it looks like. */
export const dataKeywords: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples']);

/** Keywords that assert nothing, or nothing that this product checks. */
export const annotations: ReadonlySet<string> = new Set([
  '$comment',
  '$schema',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'contentEncoding',
  'contentMediaType',
  'contentSchema',
]);

/** All keywords of the drafts. `nullable` is said something of where it matters. */
export const keywords: ReadonlySet<string> = new Set([
  ...asserting,
  ...annotations,
  ...['$id', '$anchor', '$dynamicAnchor', '$recursiveAnchor', '$vocabulary', '$defs', 'definitions', 'nullable'],
]);

/** Whether `$ref` silences its neighbours. */
export function refStandsAlone(draft: Draft): boolean {
  return draft === 'draft-07';
}
