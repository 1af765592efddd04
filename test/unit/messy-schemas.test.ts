import { describe, expect, it } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';

/** Schemas as they are found: each works as its author meant, or is refused with a sentence that says what to change. */
const compiler = createSchemaCompiler();
const draft07 = { $schema: 'http://json-schema.org/draft-07/schema#' };
const draft2019 = { $schema: 'https://json-schema.org/draft/2019-09/schema' };

const accepts = (schema: object, document: unknown) => compiler.compile(JSON.stringify(schema)).accepts(document);

function refusal(schema: object): string {
  try {
    compiler.compile(JSON.stringify(schema));
  } catch (error) {
    if (error instanceof BusError && error.reason === 'SCHEMA_INVALID') return error.message;
    throw error;
  }
  return 'accepted';
}

describe('works as its author meant', () => {
  const address = {
    $id: 'address.json',
    type: 'object',
    properties: { zip: { $ref: '#/definitions/zip' } },
    definitions: { zip: { type: 'string' } },
  };
  it.each<[string, object, unknown, unknown]>([
    [
      '$schema with https',
      { ...draft07, $schema: 'https://json-schema.org/draft-07/schema#', items: [{ type: 'string' }] },
      ['a'],
      [1],
    ],
    [
      '$schema without #',
      { $schema: 'http://json-schema.org/draft-07/schema', items: [{ type: 'string' }] },
      ['a'],
      [1],
    ],
    [
      '$schema with http and #',
      { $schema: 'http://json-schema.org/draft/2020-12/schema#', prefixItems: [{ type: 'string' }] },
      ['a'],
      [1],
    ],
    ['no $schema: 2020-12', { prefixItems: [{ type: 'string' }], items: false }, ['a'], ['a', 1]],
    [
      'the same nested $id twice',
      { ...draft07, properties: { home: address, work: address } },
      { home: { zip: '1' }, work: { zip: '2' } },
      { work: { zip: 1 } },
    ],
    [
      'a reference to a nested $id that is there twice, with the same schema',
      { ...draft07, properties: { home: address, work: address, other: { $ref: 'address.json' } } },
      { other: { zip: '1' } },
      { other: { zip: 1 } },
    ],
    [
      'the same nested $id twice, with different schemas that refer to themselves',
      { ...draft07, properties: { a: address, b: { ...address, definitions: { zip: { type: 'integer' } } } } },
      { a: { zip: '1' }, b: { zip: 1 } },
      { b: { zip: '1' } },
    ],
    ['nullable that is false', { nullable: false, anyOf: [{ type: ['string', 'null'], nullable: false }] }, null, 1],
    [
      'its own $id in a reference',
      { $id: 'https://example.com/n.json', properties: { n: { $ref: 'https://example.com/n.json' } }, required: ['v'] },
      { v: 1, n: { v: 1 } },
      { v: 1, n: {} },
    ],
    [
      'an $id that is no URI of this world',
      { $id: 'urn:example:a', $defs: { a: { $anchor: 'x', type: 'string' } }, $ref: '#x' },
      'a',
      1,
    ],
    ['definitions in a later draft', { $ref: '#/definitions/a', definitions: { a: { type: 'string' } } }, 'a', 1],
    [
      'a reference into a keyword that is none',
      { $ref: '#/components/schemas/A', components: { schemas: { A: { type: 'string' } } } },
      'a',
      1,
    ],
    ['rules beside $ref in later drafts', { $ref: '#/$defs/a', maximum: 1, $defs: { a: { type: 'number' } } }, 1, 2],
    [
      'titles beside $ref in draft-07',
      {
        ...draft07,
        properties: { a: { $ref: '#/definitions/a', title: 'A', 'x-y': 1 } },
        definitions: { a: { type: 'string' } },
      },
      { a: 'a' },
      { a: 1 },
    ],
    ['dependencies in a later draft', { dependencies: { a: ['b'] } }, { a: 1, b: 1 }, { a: 1 }],
    [
      '$recursiveRef with one possible target',
      { ...draft2019, $recursiveAnchor: true, properties: { n: { $recursiveRef: '#' } }, required: ['v'] },
      { v: 1, n: { v: 1 } },
      { v: 1, n: {} },
    ],
    [
      '$dynamicRef with one possible target',
      { properties: { n: { $dynamicRef: '#d' } }, $defs: { d: { $dynamicAnchor: 'd', type: 'string' } } },
      { n: 'a' },
      { n: 1 },
    ],
    [
      'a reference in data is none',
      { enum: [{ $ref: '#/nowhere', $id: 'x' }] },
      { $ref: '#/nowhere', $id: 'x' },
      { $ref: '#/nowhere' },
    ],
    [
      'a property called $ref',
      { properties: { $ref: { type: 'string' }, $id: { type: 'string' } } },
      { $ref: 'a' },
      { $ref: 1 },
    ],
    [
      'what was evaluated before a condition',
      {
        allOf: [{ properties: { a: true } }],
        if: { required: ['b'] },
        ...JSON.parse('{"then":{"properties":{"b":true}}}'),
        unevaluatedProperties: false,
      },
      { a: 1 },
      { a: 1, c: 1 },
    ],
    [
      'an if that stands alone',
      { if: { properties: { a: { const: 1 } } }, unevaluatedProperties: false },
      { a: 1 },
      { a: 2 },
    ],
    [
      'contains beside unevaluatedItems in 2019-09',
      { ...draft2019, contains: { const: 1 }, items: [true], unevaluatedItems: false },
      [1],
      [1, 1],
    ],
    [
      'a branch that fails has evaluated nothing',
      {
        oneOf: [
          { $ref: '#/$defs/p', required: ['x'] },
          { properties: { c: true }, required: ['c'] },
        ],
        $defs: { p: { patternProperties: { '^b': true } } },
        unevaluatedProperties: false,
      },
      { c: 1 },
      { c: 1, b: 1 },
    ],
    [
      'a property called constructor is not evaluated',
      { anyOf: [{ properties: { a: true } }], unevaluatedProperties: false },
      { a: 1 },
      { constructor: 1 },
    ],
    ['white space beyond ASCII', { pattern: '^\\s.[^\\s]$' }, '\u00a0ab', '\u00a0a\u2003'],
  ])('%s', (_name, schema, good, bad) => {
    expect([accepts(schema, good), accepts(schema, bad)]).toEqual([true, false]);
  });
});

describe('is refused with a sentence that says what to change', () => {
  it.each<[string, object, string]>([
    [
      'an unknown dialect',
      { $schema: 'https://example.com/mine' },
      'Supported are "http://json-schema.org/draft-07/schema#"',
    ],
    [
      'nullable',
      { properties: { a: { type: 'string', nullable: true } } },
      '/properties/a/nullable: nullable is a keyword of OpenAPI, and JSON Schema ignores it; write "type": ["string", "null"]',
    ],
    [
      'nullable beside $ref',
      { properties: { a: { $ref: '#/$defs/a', nullable: true } }, $defs: { a: {} } },
      'write "anyOf": [{"$ref": …}, {"type": "null"}]',
    ],
    [
      'rules beside $ref in draft-07',
      { ...draft07, properties: { a: { $ref: '#/definitions/a', minimum: 1 } }, definitions: { a: {} } },
      '/properties/a/minimum: draft-07 ignores what stands beside $ref; put both into allOf',
    ],
    [
      'an $id that two different schemas have',
      { $defs: { a: { $id: 'x', type: 'string' }, b: { $id: 'x', type: 'number' } }, $ref: 'x' },
      'the reference "x" is the $id of 2 different schemas; give each its own',
    ],
    [
      'an anchor that two schemas have',
      { $defs: { a: { $anchor: 'x' }, b: { $anchor: 'x', not: {} } }, $ref: '#x' },
      'names two schemas; rename one of them',
    ],
    [
      'a list of items without a draft',
      { items: [{ type: 'string' }] },
      '2020-12, which applies where $schema is absent',
    ],
    [
      'prefixItems in draft-07',
      { ...draft07, prefixItems: [true] },
      '/prefixItems: draft-07 ignores this keyword of another draft; write the list into items',
    ],
    [
      'dependentRequired in draft-07',
      { ...draft07, dependentRequired: { a: ['b'] } },
      'write dependencies, or name a later draft',
    ],
    [
      'unevaluatedProperties in draft-07',
      { ...draft07, unevaluatedProperties: false },
      'name a later draft in $schema',
    ],
    ['additionalItems in 2020-12', { prefixItems: [true], additionalItems: false }, 'write prefixItems and items'],
    ['divisibleBy', { divisibleBy: 2 }, 'write multipleOf'],
    [
      'a reference that leads back to itself',
      { $defs: { a: { anyOf: [{ $ref: '#/$defs/b' }] }, b: { not: { $ref: '#/$defs/a' } } }, $ref: '#/$defs/a' },
      'leads back to where it stands, without end',
    ],
    [
      'a reference to the top in place',
      { anyOf: [{ type: 'string' }, { $ref: '#' }] },
      '/anyOf/1/$ref: the reference leads back',
    ],
    [
      'a dynamic reference with several possible targets',
      {
        $ref: 'a',
        $defs: { a: { $id: 'a', $dynamicAnchor: 'd', $dynamicRef: 'b#d' }, b: { $id: 'b', $dynamicAnchor: 'd' } },
      },
      'leads to different schemas, depending on where it is reached from; use $ref',
    ],
    [
      'contains beside unevaluatedItems in 2020-12',
      { contains: { const: 1 }, unevaluatedItems: false },
      'unevaluatedItems together with contains is not supported',
    ],
    [
      'a property called __proto__',
      JSON.parse('{"properties":{"__proto__":{"type":"string"}}}'),
      'rules for a property called __proto__ are not supported',
    ],
    ['a remote reference', { $ref: 'https://example.com/a.json' }, 'never fetched'],
    [
      'a relative reference to another file',
      { properties: { a: { $ref: 'a.json#/b' } } },
      '/properties/a/$ref: the reference "a.json#/b" leads to another document',
    ],
    [
      'a registered schema that was not resolved',
      { $ref: 'mainstem:///topics/a/schemas/1' },
      'resolved when the schema is registered',
    ],
    [
      'the schema of another draft',
      { ...draft07, properties: { a: { $ref: 'https://json-schema.org/draft/2020-12/schema' } } },
      'leads nowhere in this draft',
    ],
  ])('%s', (_name, schema, sentence) => {
    expect(refusal(schema)).toContain(sentence);
  });
});
