import { describe, expect, it } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import { assertedFormats } from '../../src/core/schema/formats.js';
import { adviseOn } from '../../src/core/schema/index.js';

const advice = (schema: unknown, allowAnything = false) => adviseOn(JSON.stringify(schema), allowAnything);

function refusal(schema: unknown): string {
  try {
    advice(schema);
  } catch (error) {
    if (error instanceof BusError && error.reason === 'SCHEMA_HAS_NO_KEYWORD') return error.message;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(schema)}`);
}

describe('a document without a rule is refused', () => {
  it.each([
    [true, /it is true/],
    [{}, /it is \{\}/],
    [
      { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'Order', description: 'An order.' },
      /without any keyword/,
    ],
    [{ requird: ['a'], propertis: {} }, /"requird" is none\. Did you mean required\?/],
    [{ $defs: { order: { type: 'object' } } }, /without any keyword/],
    [{ openapi: '3.1.0', info: {}, paths: {}, components: { schemas: {} } }, /OpenAPI/],
    [{ swagger: '2.0', definitions: { order: { type: 'object' } } }, /OpenAPI/],
    [{ asyncapi: '3.0.0', channels: {} }, /AsyncAPI/],
    [{ type: 'record', name: 'Order', fields: [{ name: 'id', type: 'long' }] }, /Avro/],
    [{ protocol: 'Orders', types: [], messages: {} }, /Avro/],
  ])('%j', (schema, message) => {
    expect(refusal(schema)).toMatch(message);
    expect(refusal(schema)).toContain('--allow-anything');
  });

  it('unless that is allowed', () => {
    expect(advice(true, true)).toEqual([]);
    expect(advice({ openapi: '3.1.0' }, true)).toEqual([expect.stringMatching(/^\/openapi: .*no such keyword/)]);
  });

  it.each([[false], [{ type: 'object' }], [{ $ref: '#/$defs/a', $defs: { a: { type: 'string' } } }], [{ not: {} }]])(
    '%j has one',
    (schema) => expect(advice(schema)).toEqual([]),
  );
});

describe('an author is told', () => {
  it('the nearest keyword for one that does not exist, wherever it stands', () => {
    const schema = {
      type: 'object',
      requird: ['name'],
      properties: { name: { type: 'string', minLenght: 1 }, minLenght: { type: 'string' } },
      $defs: { a: { items: { maximun: 3 } } },
    };
    expect(advice(schema)).toEqual([
      '/requird: JSON Schema has no such keyword, and ignores it. Did you mean required?',
      '/properties/name/minLenght: JSON Schema has no such keyword, and ignores it. Did you mean minLength?',
      '/$defs/a/items/maximun: JSON Schema has no such keyword, and ignores it. Did you mean maximum?',
    ]);
  });

  it('nothing of keywords for other programs, of data, and of keywords of every draft', () => {
    const schema = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      $id: 'https://example.org/a',
      type: 'object',
      'x-go-type': 'Order',
      default: { requird: 1 },
      properties: { a: { enum: [{ minLenght: 1 }], examples: [{ minLenght: 1 }], contentMediaType: 'text/plain' } },
      dependencies: { a: ['b'] },
      additionalProperties: false,
    };
    expect(advice(schema)).toEqual([]);
  });

  it('of formats that nobody checks, with the one that was meant', () => {
    const properties = {
      at: { format: 'datetime' },
      tel: { format: 'phone' },
      on: { format: 'date' },
      own: { format: 'constructor' },
    };
    expect(advice({ properties })).toEqual([
      '/properties/at/format: the format datetime is not checked; any value has it. Did you mean date-time?',
      '/properties/tel/format: the format phone is not checked; any value has it.',
      '/properties/own/format: the format constructor is not checked; any value has it.',
    ]);
    expect(advice({ properties: Object.fromEntries(assertedFormats.map((format) => [format, { format }])) })).toEqual(
      [],
    );
  });

  it('of 20 of them at most', () => {
    const properties = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`p${i}`, { ['y'.repeat(200) + i]: 1 }]),
    );
    const warnings = advice({ properties });
    expect(warnings).toHaveLength(21);
    expect(warnings.at(-1)).toBe('10 more unknown keywords and unchecked formats');
  });
});
