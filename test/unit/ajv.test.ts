import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import { createSchemaCompiler, schemaLimits } from '../../src/drivers/ajv/index.js';

const compiler = createSchemaCompiler();
const compile = (schema: unknown) => compiler.compile(JSON.stringify(schema));
const accepts = (schema: unknown, document: unknown) => compile(schema).accepts(document);
const explain = (schema: unknown, document: unknown, most = 10) => compile(schema).explain(document, most);

function refusal(definition: string): BusError {
  try {
    compiler.compile(definition);
  } catch (error) {
    if (error instanceof BusError) return error;
    throw error;
  }
  throw new Error(`accepted: ${definition.slice(0, 100)}`);
}

const refused = (schema: unknown) => refusal(JSON.stringify(schema)).message;

describe('lengths', () => {
  const character = fc.constantFrom('a', 'é', '😀', '\ud83d', '\ude00');

  it('counts code points, and half a surrogate pair as one', () => {
    fc.assert(
      fc.property(fc.array(character, { maxLength: 12 }), fc.nat(12), (characters, limit) => {
        const text = characters.join('');
        const length = [...text].length;
        expect(accepts({ maxLength: limit }, text)).toBe(length <= limit);
        expect(accepts({ minLength: limit }, text)).toBe(length >= limit);
      }),
    );
  });

  it('says what a text lacks', () => {
    expect(explain({ minLength: 3 }, '😀😀').violations[0]?.message).toBe('must not have fewer than 3 characters');
  });
});

describe('drafts', () => {
  it('takes $schema with http or https, with or without #, and 2020-12 where it is absent', () => {
    const tuple = { items: [{ type: 'string' }] };
    for (const uri of ['http://json-schema.org/draft-07/schema#', 'https://json-schema.org/draft-07/schema']) {
      expect(accepts({ $schema: uri, ...tuple }, [1])).toBe(false);
    }
    expect(accepts({ $schema: 'http://json-schema.org/draft/2019-09/schema#', ...tuple }, [1])).toBe(false);
    expect(refused(tuple)).toContain('/items: it must be');
    expect(accepts({ prefixItems: [{ type: 'string' }] }, [1])).toBe(false);
  });

  it('refuses an unknown draft and names those it knows', () => {
    const message = refused({ $schema: 'http://json-schema.org/draft-04/schema#' });
    for (const part of ['draft-04', 'draft-07', '2019-09', '2020-12']) expect(message).toContain(part);
  });

  it('says which draft applies where none is stated', () => {
    expect(refused({ additionalItems: false, items: [true] })).toContain(
      '2020-12, which applies where $schema is absent',
    );
  });
});

describe('accepting', () => {
  it.each([
    ['own members only', { required: ['constructor'] }, {}, false],
    ['an own member of that name', { required: ['constructor'] }, { constructor: 1 }, true],
    ['decimal multiples', { multipleOf: 1.1 }, 3.3, true],
    ['small decimal multiples', { multipleOf: 0.0001 }, 0.0075, true],
    ['no decimal multiple', { multipleOf: 0.01 }, 19.999, false],
    ['huge multiples', { multipleOf: 0.5 }, 1e308, true],
    [
      'equal objects in another order',
      { uniqueItems: true },
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      false,
    ],
    ['a text like an object', { uniqueItems: true }, ['{"a":1}', { a: 1 }, 1, '1', true, null], true],
    ['formats', { format: 'date' }, '2023-02-29', false],
    ['unknown formats and keywords', { format: 'x', typo: 1, id: 'x', nullable: false, type: 'string' }, 'a', true],
    ['$async as no keyword', { $async: true, type: 'string' }, 1, false],
    ['long names of Unicode categories', { pattern: '^\\p{Letter}+$' }, 'äé', true],
    [
      'patterned properties beside a branch that did not pass',
      { patternProperties: { '^x': true }, anyOf: [{ properties: { a: { const: 1 } }, required: ['a'] }, true] },
      { x: 1 },
      true,
    ],
    [
      'patterned properties as evaluated ones',
      {
        patternProperties: { '^x': true },
        anyOf: [{ properties: { a: { const: 1 } }, required: ['a'] }, true],
        unevaluatedProperties: false,
      },
      { x: 1 },
      true,
    ],
    [
      'items that no branch has evaluated',
      { anyOf: [{ prefixItems: [{ const: 1 }], minItems: 1 }, true], unevaluatedItems: false },
      [2],
      false,
    ],
    [
      'items that a branch has evaluated',
      { anyOf: [{ items: { type: 'string' } }, { prefixItems: [{ type: 'integer' }] }], unevaluatedItems: false },
      ['a', 'b'],
      true,
    ],
    [
      'a recursive reference in a small definition',
      {
        $schema: 'https://json-schema.org/draft/2019-09/schema',
        $id: 'http://example.com/root.json',
        $defs: { map: { $id: 'map.json', type: ['string', 'object'], additionalProperties: { $recursiveRef: '#' } } },
        anyOf: [{ type: 'integer' }, { $ref: '#/$defs/map' }],
      },
      { a: 1 },
      false,
    ],
    ['arrays shorter than a tuple', { prefixItems: [{ type: 'string' }], contains: { type: 'string' } }, [], false],
    [
      'equal items in an array shorter than a tuple',
      { prefixItems: [true, true, { type: 'string' }], uniqueItems: true },
      [1, 1],
      false,
    ],
    ['boolean schemas', false, {}, false],
  ])('%s', (_name, schema, document, expected) => {
    const compiled = compile(schema);
    expect(compiled.accepts(document)).toBe(expected);
    expect(compiled.explain(document, 10).total === 0).toBe(expected);
  });

  it('checks a catastrophic pattern in linear time', () => {
    const schema = compile({ pattern: '^(a|a)*$' });
    const started = performance.now();
    expect(schema.accepts(`${'a'.repeat(100_000)}!`)).toBe(false);
    // Backtracking would take 2^100000 steps: any bound tells the two apart.
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

describe('refusing schemas', () => {
  it.each([
    ['text that is not JSON', '{\n  "type": }', 'line 2, column 11'],
    ['something else', '3', 'a schema is an object or a boolean'],
    [
      'a wrong keyword value',
      '{"properties":{"a":{"type":"intger"}}}',
      '/properties/a/type: it must be one of "array"',
    ],
    ['lookahead', '{"properties":{"a/b":{"pattern":"^(?=x)"}}}', '/properties/a~1b/pattern: the regular expression'],
    ['a broken pattern', '{"patternProperties":{"(":{"type":"string"}}}', '/patternProperties/('],
    ['an exploding pattern', '{"pattern":"((a{100}){100}){100}"}', '/pattern'],
    [
      'another document',
      '{"$ref":"https://example.com/x.json"}',
      '"https://example.com/x.json" leads to another document',
    ],
    [
      'a missing definition',
      '{"properties":{"a":{"$ref":"#/$defs/b"}}}',
      '/properties/a/$ref: the reference "#/$defs/b" leads nowhere',
    ],
    ['an inherited definition', '{"$ref":"#/$defs/constructor","$defs":{}}', 'leads nowhere'],
    ['deep nesting', `${'{"not":'.repeat(70)}true${'}'.repeat(70)}`, `deeper than ${schemaLimits.depth}`],
    ['size', JSON.stringify({ description: 'x'.repeat(schemaLimits.bytes) }), `at most ${schemaLimits.bytes}`],
    ['many subschemas', JSON.stringify({ anyOf: new Array(schemaLimits.subschemas).fill(true) }), 'more than'],
  ])('%s', (_name, definition, message) => {
    const error = refusal(definition);
    expect(error.reason).toBe('SCHEMA_INVALID');
    expect(error.message).toContain(message);
  });
});

describe('explaining', () => {
  const person = {
    type: 'object',
    properties: {
      name: true,
      age: { type: 'integer', minimum: 0 },
      kind: { enum: ['a', 'b'] },
      tags: { items: { type: 'string' } },
    },
    required: ['name', 'age'],
    additionalProperties: false,
  };

  it('says for each violation where it is, which rule, and what to do', () => {
    expect(explain(person, { age: -1, kind: 'c', x: 1 })).toEqual({
      violations: [
        { pointer: '', schemaPointer: '/required', rule: 'required', message: 'must have the property "name"' },
        {
          pointer: '',
          schemaPointer: '/additionalProperties',
          rule: 'additionalProperties',
          message: 'must not have the property "x": the schema does not know it',
        },
        { pointer: '/age', schemaPointer: '/properties/age/minimum', rule: 'minimum', message: 'must be >= 0' },
        { pointer: '/kind', schemaPointer: '/properties/kind/enum', rule: 'enum', message: 'must be one of "a", "b"' },
      ],
      total: 4,
    });
    expect(explain(person, { name: 1, age: 1 })).toEqual({ violations: [], total: 0 });
  });

  it('shows the first ones in order and counts all', () => {
    const { violations, total } = explain(person, { name: 1, age: 1, tags: new Array(12).fill(1) }, 11);
    expect(violations.map(({ pointer }) => pointer)).toEqual(Array.from({ length: 11 }, (_, i) => `/tags/${i}`));
    expect(total).toBe(12);
  });

  it.each<[string, unknown, unknown, string]>([
    ['a keyword', { items: { type: 'string' } }, [1], '/items/type'],
    [
      'behind references',
      { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b/c' }, b: { c: { minimum: 3 } } } },
      1,
      '/$defs/b/c/minimum',
    ],
    [
      'in recursion',
      { properties: { a: { $ref: '#' }, 'x/y': { const: 1 } } },
      { a: { 'x/y': 2 } },
      '/properties/x~1y/const',
    ],
    [
      'a schema that is false',
      { $ref: '#/$defs/a', $defs: { a: { properties: { b: false } } } },
      { b: 1 },
      '/$defs/a/properties/b',
    ],
  ])('names the place of the rule in the schema: %s', (_name, schema, document, pointer) => {
    expect(explain(schema, document).violations[0]?.schemaPointer).toBe(pointer);
  });

  it('stays short, however large the document is', () => {
    const recursive = { $ref: '#/$defs/n', $defs: { n: { items: { $ref: '#/$defs/n' }, type: 'array' } } };
    expect(explain(recursive, new Array(200_000).fill(1), 3).violations).toHaveLength(1);
    const [violation] = explain({ additionalProperties: false }, { ['x'.repeat(100_000)]: 1 }).violations;
    expect(violation?.message.length).toBeLessThan(400);
  });
});

describe('dates and times are those of RFC 3339', () => {
  it.each([
    ['date-time', '2024-02-29T12:30:00Z', true],
    ['date-time', '2024-02-29t12:30:00.123456789012345z', true],
    ['date-time', '2023-02-29T12:30:00Z', false],
    ['date-time', '2024-02-29 12:30:00Z', false],
    ['date-time', '2024-02-29T12:30:00', false],
    ['date-time', '2024-02-29T12:30:00+05:30', true],
    ['date-time', '2024-02-29T12:30:00+0530', false],
    ['date-time', '2024-02-29T12:30:00+05', false],
    ['date-time', '2024-02-29T12:30:00-24:00', false],
    ['date-time', '2024-02-29T12:30:00.Z', false],
    ['date-time', '2016-12-31T23:59:60Z', true],
    ['date-time', '2016-12-31T15:59:60-08:00', true],
    ['date-time', '2017-01-01T05:29:60.5+05:30', true],
    ['date-time', '2017-01-01T23:59:60Z', false],
    ['date-time', '2016-12-31T05:29:60+05:30', false],
    ['date-time', '2016-12-31T23:60:00+00:01', false],
    ['date-time', '2016-12-31T23:59:61Z', false],
    ['time', '23:59:60Z', true],
    ['time', '00:59:60+01:00', true],
    ['time', '23:60:00+00:01', false],
    ['time', '24:59:60+01:00', false],
    ['time', '23:58:60Z', false],
    ['time', '12:30:00+0530', false],
    ['time', '12:30:00+05', false],
    ['time', '12:30:00', false],
    ['date', '2024-02-29', true],
    ['date', '1900-02-29', false],
    ['date', '2024-2-9', false],
    ['date', '2024-02-29Z', false],
    ['duration', 'P1Y2M3DT4H5M6S', true],
    ['duration', 'P1Y3D', false],
    ['duration', 'PT1H6S', false],
    ['uuid', 'urn:uuid:123e4567-e89b-12d3-a456-426614174000', false],
  ])('%s %s: %s', (format, text, expected) => {
    expect(accepts({ format }, text)).toBe(expected);
  });
});
