import { expect, it } from 'vitest';
import { checkCompatibility } from '../../src/core/schema/index.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';

const compiler = createSchemaCompiler();
/** Less than the default, which takes 2 s. */
const steps = 200_000;

const range = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const node = (names: readonly string[], how: string) => ({
  $ref: '#/$defs/n',
  $defs: {
    n: {
      [how]: [
        ...names.map((name) => ({ properties: { [name]: { $ref: '#/$defs/n' } }, required: [name] })),
        { type: 'number' },
      ],
    },
  },
});
const laughs = (leaf: unknown) => ({
  $ref: '#/$defs/d0',
  $defs: Object.fromEntries([
    ...range(40, (i) => [
      `d${i}`,
      {
        anyOf: [
          { $ref: `#/$defs/d${i + 1}` },
          { properties: { [`p${i}`]: { $ref: `#/$defs/d${i + 1}` } }, required: [`p${i}`] },
        ],
      },
    ]),
    ['d40', leaf],
  ]),
});
const choices = (count: number) => ({
  type: 'object',
  allOf: range(count, (i) => ({ oneOf: [{ required: [`a${i}`] }, { required: [`b${i}`] }, { required: [`c${i}`] }] })),
});
const nested = (depth: number, leaf: object): object => (depth === 0 ? leaf : { not: nested(depth - 1, leaf) });
const patterned = (count: number, type: string) => ({
  patternProperties: Object.fromEntries(range(count, (i) => [`^(a|b|c${i})*x{0,${i}}$`, { type }])),
});

it.each<[string, object, object]>([
  ['a recursive oneOf', node(['a', 'b', 'c', 'd', 'e', 'f'], 'oneOf'), node(['f', 'e', 'd', 'c', 'b', 'g'], 'oneOf')],
  ['a recursive anyOf', node(['a', 'b', 'c', 'd', 'e', 'f'], 'anyOf'), node(['f', 'e', 'd', 'c', 'b', 'a'], 'oneOf')],
  ['references that double', laughs({ type: 'string' }), laughs({ type: 'string', minLength: 1 })],
  ['independent choices', choices(25), { ...choices(25), propertyNames: { pattern: '^[abc][0-9]+$' } }],
  [
    'a choice of everything',
    { oneOf: range(300, (i) => ({ properties: { [`p${i}`]: { minimum: i } } })) },
    { oneOf: range(300, (i) => ({ properties: { [`p${i}`]: { minimum: i + 1 } } })) },
  ],
  ['deep negation', nested(61, { type: 'string' }), nested(61, { type: 'string', pattern: '^a' })],
  ['patterns that explode', { pattern: '^(a|a)*$' }, { pattern: '^((a+)+)+$' }],
  ['many patterned properties', patterned(40, 'integer'), patterned(39, 'number')],
  ['huge counts', { type: 'array', minItems: 1e9, contains: { const: 1 }, minContains: 1e8 }, { uniqueItems: true }],
  ['huge texts', { type: 'string', minLength: 1e9 }, { maxLength: 1e9, pattern: 'b' }],
  ['huge objects', { type: 'object', minProperties: 1e9 }, { maxProperties: 1e9 }],
  ['tiny steps', { type: 'number', multipleOf: 1e-300 }, { multipleOf: 1e300 }],
  [
    'large enumerations',
    { items: { enum: range(1_500, (i) => ({ a: i })) }, uniqueItems: true },
    { items: { enum: range(1_500, (i) => ({ a: i + 1 })) } },
  ],
  [
    'a large constant',
    { const: { a: range(3_000, (i) => [i]) } },
    { properties: { a: { uniqueItems: true, items: { contains: { minimum: 0 } } } } },
  ],
  [
    'many unevaluated branches',
    { type: 'object' },
    {
      allOf: range(20, (i) => ({
        anyOf: [{ properties: { [`a${i}`]: true }, required: [`a${i}`] }, { properties: { [`b${i}`]: true } }],
      })),
      unevaluatedProperties: false,
    },
  ],
])('comes to an end: %s', (_name, old, next) => {
  const versions = [{ version: 1, definition: JSON.stringify(old) }];
  const request = { level: 'FULL', reading: 'declared', proposed: JSON.stringify(next), versions, steps } as const;
  const report = checkCompatibility(compiler, request);
  for (const comparison of report.comparisons) {
    // The last spending may go beyond it.
    expect(comparison.steps).toBeLessThan(steps * 1.01);
    if (comparison.verdict.kind !== 'incompatible') continue;
    const [from, to] = comparison.direction === 'backward' ? [old, next] : [next, old];
    const document: unknown = JSON.parse(comparison.verdict.counterexample.document);
    expect(compiler.compile(JSON.stringify(from)).accepts(document)).toBe(true);
    expect(compiler.compile(JSON.stringify(to)).accepts(document)).toBe(false);
  }
});
