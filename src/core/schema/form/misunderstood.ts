import { isObject } from '../json.js';
import type { Draft } from './draft.js';
import { inPlaceSchemas } from './in-place.js';
import { assertions, refStandsAlone } from './keyword-kinds.js';
import { invalidSchema, pointerTo } from './limits.js';
import type { SchemaObject } from './parse.js';
import type { Spot } from './resources.js';

/** Keywords that other drafts obey, and this one ignores: what to write instead. */
const foreign: Readonly<Record<Draft, Readonly<Record<string, string>>>> = {
  'draft-07': {
    prefixItems: 'write the list into items, or name a later draft in $schema',
    dependentRequired: 'write dependencies, or name a later draft in $schema',
    dependentSchemas: 'write dependencies, or name a later draft in $schema',
    minContains: 'name a later draft in $schema',
    maxContains: 'name a later draft in $schema',
    unevaluatedProperties: 'name a later draft in $schema',
    unevaluatedItems: 'name a later draft in $schema',
    $recursiveRef: 'write $ref, or name draft 2019-09 in $schema',
    $dynamicRef: 'write $ref, or name draft 2020-12 in $schema',
  },
  '2019-09': {
    prefixItems: 'write the list into items, or name draft 2020-12 in $schema',
    $dynamicRef: 'write $ref, or name draft 2020-12 in $schema',
  },
  '2020-12': {
    additionalItems: 'write prefixItems and items, or name an earlier draft in $schema',
    $recursiveRef: 'write $ref, or name draft 2019-09 in $schema',
  },
};

/** Keywords of drafts before 07. */
const bygone: Readonly<Record<string, string>> = {
  divisibleBy: 'write multipleOf',
  disallow: 'write not',
  extends: 'write allOf',
};

/** Keywords whose value says something for each of several names. */
const namesMembers = new Set([
  'dependencies',
  'dependentRequired',
  'dependentSchemas',
  'patternProperties',
  'properties',
]);

/**
 * Refuses what its author meant differently from what validators make of it: `nullable` of OpenAPI, keywords that another draft obeys and this
 * one ignores, and, in draft-07, rules beside `$ref`. Other unknown keywords are annotations, as the drafts say; so are unknown formats.
 */
export function refuseMisunderstood(spots: Iterable<Spot>, draft: Draft): void {
  for (const { schema, pointer } of spots) {
    if (!isObject(schema)) continue;
    for (const keyword of Object.keys(schema)) {
      const wrong = misunderstanding(schema, keyword, draft);
      if (wrong !== undefined) throw invalidSchema(pointerTo(pointer, keyword), wrong);
    }
  }
}

/** In 2020-12 the items that `contains` finds are evaluated, which the validator cannot keep account of. In normal form. */
export function refuseContainedItems(spots: Iterable<Spot>, root: unknown, draft: Draft): void {
  if (draft !== '2020-12') return;
  for (const { schema, pointer } of spots) {
    if (!isObject(schema) || schema.unevaluatedItems === undefined) continue;
    if (!inPlaceSchemas(schema, root, draft).some(({ contains }) => contains !== undefined)) continue;
    throw invalidSchema(
      pointerTo(pointer, 'unevaluatedItems'),
      'unevaluatedItems together with contains is not supported; write items, or name draft 2019-09 in $schema, where the two are independent',
    );
  }
}

function misunderstanding(schema: SchemaObject, keyword: string, draft: Draft): string | undefined {
  if (refStandsAlone(draft) && typeof schema.$ref === 'string' && assertions.has(keyword)) {
    return `draft-07 ignores what stands beside $ref; put both into allOf, or name a later draft in $schema`;
  }
  if (keyword === 'nullable' && schema.nullable === true) {
    return `nullable is a keyword of OpenAPI, and JSON Schema ignores it; ${nullInstead(schema)}`;
  }
  const instead = own(foreign[draft], keyword);
  if (instead !== undefined) return `${draft} ignores this keyword of another draft; ${instead}`;
  const value = schema[keyword];
  if (namesMembers.has(keyword) && isObject(value) && Object.hasOwn(value, '__proto__')) {
    return 'rules for a property called __proto__ are not supported: validators in JavaScript do not see it';
  }
  const newer = own(bygone, keyword);
  return newer && `no draft since 04 knows this keyword; ${newer}`;
}

function nullInstead({ type, $ref }: SchemaObject): string {
  if (typeof type === 'string') return `write "type": ["${type}", "null"]`;
  return $ref === undefined ? 'add "null" to type' : 'write "anyOf": [{"$ref": …}, {"type": "null"}]';
}

function own(texts: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(texts, name) ? texts[name] : undefined;
}
