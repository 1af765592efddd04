import { fullFormats } from 'ajv-formats/dist/formats.js';
import { describe, expect, it } from 'vitest';
import { assertedFormats, formatExamples } from '../../src/core/schema/formats.js';
import {
  type CompatibilityLevel,
  checkCompatibility,
  type Reading,
  type Verdict,
} from '../../src/core/schema/index.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';

const compiler = createSchemaCompiler();

function backward(old: unknown, next: unknown, reading: Reading = 'strict'): Verdict {
  return comparison(old, next, reading).verdict;
}

function comparison(old: unknown, next: unknown, reading: Reading) {
  const versions = [{ version: 1, definition: JSON.stringify(old) }];
  const proposed = JSON.stringify(next);
  const [found] = checkCompatibility(compiler, { level: 'BACKWARD', reading, proposed, versions }).comparisons;
  if (found === undefined) throw new Error('nothing was compared');
  return found;
}

function counterexample(verdict: Verdict) {
  if (verdict.kind !== 'incompatible') return undefined;
  const { document, pointer, refusedBy } = verdict.counterexample;
  return { document: JSON.parse(document) as unknown, pointer, rule: refusedBy.keyword };
}

function compiled(schema: unknown) {
  const validator = compiler.compile(JSON.stringify(schema));
  return { accepts: (document: unknown) => validator.accepts(document) };
}

const person = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 }, kind: { enum: ['a', 'b'] } },
  required: ['name'],
};
const withProperty = (name: string, schema: unknown) => ({
  ...person,
  properties: { ...person.properties, [name]: schema },
});
const tree = (leaf: unknown) => ({
  $ref: '#/$defs/node',
  $defs: { node: { type: 'object', properties: { value: leaf, children: { type: 'array', items: { $ref: '#' } } } } },
});

const tagged = (count: number, type: string) =>
  Array.from({ length: count }, (_, index) => ({
    type: 'object',
    properties: { kind: { const: `k${index}` }, value: { type } },
    required: ['kind', 'value'],
  }));

describe('proved', () => {
  it.each<[string, unknown, unknown]>([
    ['the same, spelled differently', person, { ...person, title: 'Person', required: ['name', 'name'].slice(1) }],
    ['a wider enum', person, withProperty('kind', { enum: ['a', 'b', 'c'] })],
    ['a rule less', person, { ...person, required: [] }],
    ['integers as numbers', { type: 'integer' }, { type: 'number' }],
    ['integers as multiples of a half', { type: 'integer' }, { multipleOf: 0.5 }],
    ['common multiples', { allOf: [{ multipleOf: 4 }, { multipleOf: 6 }] }, { multipleOf: 12 }],
    ['bounds that leave few values', { type: 'integer', minimum: 1, maximum: 3 }, { enum: [1, 2, 3] }],
    [
      'alternatives that are all there',
      { type: ['string', 'integer'] },
      { anyOf: [{ type: 'string' }, { type: 'number' }] },
    ],
    ['one of disjoint alternatives', { type: 'string' }, { oneOf: [{ type: 'string' }, { type: 'integer' }] }],
    [
      'a closed object as a map',
      { properties: { a: { const: 1 } }, additionalProperties: false },
      { additionalProperties: { type: 'integer' } },
    ],
    [
      'patterned properties',
      { patternProperties: { '^a': { type: 'integer' } } },
      { patternProperties: { '^a': { type: 'number' } } },
    ],
    [
      'names that are spelled out by a pattern',
      { propertyNames: { enum: ['x'] } },
      { propertyNames: { pattern: '^(x|y)$' } },
    ],
    ['dependents that are required', { type: 'object', required: ['a', 'b'] }, { dependentRequired: { a: ['b'] } }],
    [
      'conditions',
      { properties: { t: { const: 1 } }, required: ['t'] },
      { if: { properties: { t: { const: 1 } }, required: ['t'] }, else: false },
    ],
    ['tuples as lists', { prefixItems: [{ const: 1 }, { const: 2 }], items: false }, { items: { type: 'integer' } }],
    [
      'unique items of few values',
      { items: { type: 'boolean' }, uniqueItems: true },
      { not: { type: 'array', minItems: 3 } },
    ],
    ['what a tuple contains', { prefixItems: [{ const: 1 }], minItems: 1 }, { contains: { type: 'integer' } }],
    ['a dynamic reference', { items: true }, { items: { $dynamicRef: '#x' }, $defs: { x: { $dynamicAnchor: 'x' } } }],
    ['recursive schemas', tree({ type: 'integer' }), tree({ type: 'number' })],
    [
      'evaluated properties',
      { allOf: [{ properties: { a: { type: 'string' } } }], unevaluatedProperties: false },
      { properties: { a: true }, additionalProperties: false },
    ],
    [
      'a property that cannot be there',
      { type: 'object', not: { required: ['a'] } },
      { not: { required: ['a'], type: 'object' } },
    ],
    [
      'fewer properties than are left',
      { type: 'object', properties: { a: true }, additionalProperties: false, not: { required: ['a'] } },
      { not: { minProperties: 1, type: 'object' } },
    ],
    ['tagged alternatives, one more', { oneOf: tagged(6, 'integer') }, { oneOf: tagged(7, 'number') }],
    ['a schema that accepts nothing', { type: 'object', required: ['a'], properties: { a: false } }, false],
    [
      'the same in another draft',
      { $schema: 'http://json-schema.org/draft-07/schema#', items: [{ type: 'string' }], additionalItems: false },
      { prefixItems: [{ type: 'string' }], items: false },
    ],
  ])('%s', (_name, old, next) => {
    expect(backward(old, next)).toEqual({ kind: 'compatible' });
  });
});

describe('refuted', () => {
  it.each<[string, unknown, unknown, unknown, string, string]>([
    ['a narrower enum', person, withProperty('kind', { enum: ['a'] }), { name: '', kind: 'b' }, '/kind', 'enum'],
    ['a new required property', person, { ...person, required: ['name', 'age'] }, { name: '' }, '', 'required'],
    ['a bound', person, withProperty('age', { type: 'integer', minimum: 1 }), { name: '', age: 0 }, '/age', 'minimum'],
    [
      'a closed object',
      { type: 'object' },
      { type: 'object', maxProperties: 0 },
      expect.anything(),
      '',
      'maxProperties',
    ],
    [
      'a rule deep in a recursive schema',
      tree({ type: 'number' }),
      tree({ type: 'integer' }),
      { value: 0.5 },
      '/value',
      'type',
    ],
    ['items', { items: { type: 'number' } }, { items: { type: 'integer' } }, [0.5], '/0', 'type'],
    [
      'a pattern',
      { pattern: '^[a-f0-9]{4}$', type: 'string' },
      { pattern: '^[a-f]{4}$' },
      expect.stringMatching(/\d/),
      '',
      'pattern',
    ],
    [
      'a format',
      { type: 'string', format: 'date-time' },
      { format: 'date' },
      expect.stringContaining('T'),
      '',
      'format',
    ],
    ['equal items', { type: 'array' }, { uniqueItems: true }, expect.anything(), '', 'uniqueItems'],
    ['bounds that meet', { type: 'integer', minimum: 1, maximum: 1 }, { maximum: 0 }, 1, '', 'maximum'],
    [
      'open bounds',
      { type: 'number', exclusiveMinimum: 0, maximum: 1 },
      { minimum: 1 },
      expect.any(Number),
      '',
      'minimum',
    ],
    [
      'names that match one pattern and not the other',
      { type: 'object', patternProperties: { '^a': { type: 'integer' }, z$: { type: 'string' } }, minProperties: 1 },
      { patternProperties: { '^a': { type: 'string' } } },
      expect.anything(),
      expect.stringMatching(/^\/a.*[^z]$|^\/a$/),
      'type',
    ],
    [
      'a property that must not be there',
      { type: 'object', not: { required: ['a'] }, minProperties: 1 },
      { required: ['a'] },
      expect.not.objectContaining({ a: expect.anything() }),
      '',
      'required',
    ],
    ['a number beyond its format', { type: 'integer' }, { format: 'int32' }, expect.any(Number), '', 'format'],
  ])('%s', (_name, old, next, document, pointer, rule) => {
    expect(counterexample(backward(old, next))).toEqual({ document, pointer, rule });
  });

  it('keeps of a large document only what matters', () => {
    const names = Array.from({ length: 30 }, (_, index) => `p${index}`);
    const wide = { type: 'object', properties: Object.fromEntries(names.map((name) => [name, { type: 'integer' }])) };
    const old = { ...wide, minProperties: 20 };
    const verdict = backward(old, { ...old, properties: { ...wide.properties, p7: { type: 'string' } } });
    expect(verdict).toMatchObject({ kind: 'incompatible', counterexample: { pointer: '/p7' } });
    expect(Object.keys(Object(counterexample(verdict)?.document))).toHaveLength(20);
  });
});

describe('undecided', () => {
  it.each<[string, unknown, unknown, string]>([
    ['patterns that only look different', { pattern: '^a+$' }, { pattern: '^aa*$' }, 'pattern'],
  ])('%s', (_name, old, next, keyword) => {
    expect(backward(old, next)).toMatchObject({ kind: 'undecided', stoppedBy: { keyword } });
  });

  it('stops when the budget is spent, always at the same step', () => {
    const choice = (index: number) => ({ oneOf: [{ required: [`a${index}`] }, { required: [`b${index}`] }] });
    const old = { allOf: Array.from({ length: 30 }, (_, index) => choice(index)) };
    const next = { ...old, type: 'object', not: { minProperties: 61 }, unevaluatedProperties: { pattern: '^aa*$' } };
    const check = () => {
      const versions = [{ version: 1, definition: JSON.stringify({ ...old, type: 'object' }) }];
      return checkCompatibility(compiler, {
        level: 'BACKWARD',
        reading: 'strict',
        proposed: JSON.stringify({ ...next, not: { ...next.not, minProperties: 1_000 } }),
        versions,
        steps: 600,
      });
    };
    expect(check()).toMatchObject({
      verdict: 'undecided',
      comparisons: [{ verdict: { stoppedBy: { keyword: 'budget' } } }],
    });
    expect(check()).toEqual(check());
  });
});

describe('formats', () => {
  it.each(Object.keys(fullFormats))('%s is asserted exactly where the validator does so', (format) => {
    const { accepts } = compiled({ format });
    const refuses = ['\u0000 %', '(', 0.5, 2 ** 80].some((value) => !accepts(value));
    expect(assertedFormats.includes(format)).toBe(refuses);
    expect(formatExamples(format).filter((example) => !accepts(example))).toEqual([]);
  });
});

describe('readings', () => {
  const added = withProperty('email', { type: 'string' });

  it('says when an optional property that was added breaks only undeclared ones', () => {
    expect(comparison(person, added, 'declared')).toMatchObject({
      verdict: { kind: 'compatible' },
      underOtherReading: { kind: 'incompatible', counterexample: { pointer: '/email' } },
      dependsOnReading: true,
    });
    expect(comparison(person, added, 'strict')).toMatchObject({
      verdict: { kind: 'incompatible' },
      underOtherReading: { kind: 'compatible' },
    });
  });

  it.each<[string, unknown, unknown, Verdict['kind']]>([
    ['what is declared still breaks', person, withProperty('age', { type: 'string' }), 'incompatible'],
    ['a free-form map stays open', { type: 'object' }, { properties: { a: { type: 'string' } } }, 'incompatible'],
    ['a described map is declared', { ...person, additionalProperties: { type: 'integer' } }, added, 'incompatible'],
    [
      'all branches declare',
      { allOf: [{ properties: { a: { type: 'integer' } } }, { properties: { b: { type: 'integer' } } }] },
      { properties: { b: { type: 'string' } } },
      'incompatible',
    ],
    ['nested objects are read so, too', { properties: { in: person } }, { properties: { in: added } }, 'compatible'],
    [
      'closing an object keeps what was declared',
      { ...person, additionalProperties: true },
      { ...person, additionalProperties: false },
      'compatible',
    ],
  ])('%s', (_name, old, next, kind) => {
    expect(backward(old, next, 'declared').kind).toBe(kind);
  });
});

describe('levels', () => {
  const schemas = [{ type: 'integer' }, { type: 'number' }, { type: 'integer' }].map((schema) =>
    JSON.stringify(schema),
  );
  const versions = schemas.slice(0, 2).map((definition, index) => ({ version: index + 1, definition }));
  const [, , proposed = ''] = schemas;

  it.each<[CompatibilityLevel, Verdict['kind'], string[]]>([
    ['NONE', 'compatible', []],
    ['BACKWARD', 'incompatible', ['2 backward incompatible']],
    ['FORWARD', 'compatible', ['2 forward compatible']],
    ['FULL', 'incompatible', ['2 backward incompatible', '2 forward compatible']],
    ['BACKWARD_TRANSITIVE', 'incompatible', ['1 backward compatible', '2 backward incompatible']],
    ['FORWARD_TRANSITIVE', 'compatible', ['1 forward compatible', '2 forward compatible']],
    [
      'FULL_TRANSITIVE',
      'incompatible',
      ['1 backward compatible', '1 forward compatible', '2 backward incompatible', '2 forward compatible'],
    ],
  ])('%s', (level, verdict, compared) => {
    const report = checkCompatibility(compiler, { level, reading: 'strict', proposed, versions });
    expect(report.verdict).toBe(verdict);
    expect(report.comparisons.map((one) => `${one.version} ${one.direction} ${one.verdict.kind}`)).toEqual(compared);
  });

  it('is compatible where there is nothing to compare with, and refuses what is no schema', () => {
    expect(checkCompatibility(compiler, { level: 'FULL', reading: 'strict', proposed, versions: [] }).verdict).toBe(
      'compatible',
    );
    const request = { level: 'FULL', reading: 'strict', proposed: '{"type":"x"}', versions } as const;
    expect(() => checkCompatibility(compiler, request)).toThrow(expect.objectContaining({ reason: 'SCHEMA_INVALID' }));
  });
});
