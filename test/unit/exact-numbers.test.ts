import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseExact, writeExact } from '../../src/core/numbers/exact-json.js';
import {
  compareNumbers,
  ExactNumber,
  integerText,
  isInteger,
  isMultipleOf,
  numberOf,
} from '../../src/core/numbers/exact-number.js';
import { keyAt } from '../../src/core/publish/key-pointer.js';
import { checkCompatibility } from '../../src/core/schema/index.js';
import { changesBetween } from '../../src/core/schema-registry/changes.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';

/** A literal as a fraction of whole numbers. */
function fraction(literal: string): readonly [numerator: bigint, denominator: bigint] {
  const [mantissa = '0', exponent = '0'] = literal.toLowerCase().split('e');
  const [whole = '0', digits = ''] = mantissa.split('.');
  const power = Number(exponent) - digits.length;
  const value = BigInt(`${whole.replace('-', '')}${digits}`) * (whole.startsWith('-') ? -1n : 1n);
  return power >= 0 ? [value * 10n ** BigInt(power), 1n] : [value, 10n ** BigInt(-power)];
}

const digits = fc.stringMatching(/^(0|[1-9][0-9]{0,24})$/);
const literal = fc
  .record({
    minus: fc.constantFrom('', '-'),
    whole: fc.oneof(digits, fc.constantFrom('9007199254740992', '9007199254740993', '1', '10', '100')),
    fraction: fc.oneof(fc.constant(''), fc.stringMatching(/^\.[0-9]{1,24}$/), fc.constantFrom('.0', '.5', '.50')),
    exponent: fc.oneof(
      fc.constant(''),
      fc.integer({ min: -40, max: 40 }).map((power) => `e${power}`),
    ),
  })
  .map(({ minus, whole, fraction: part, exponent }) => minus + whole + part + exponent);
const runs = 3_000;

describe('numbers of JSON', () => {
  it('are doubles exactly where the shortest decimal of the double equals them', () => {
    fc.assert(
      fc.property(literal, (text) => {
        const [a, b] = fraction(text);
        const [c, d] = fraction(String(Number(text)));
        expect(typeof numberOf(text) === 'number').toBe(a * d === c * b);
        expect(isInteger(numberOf(text))).toBe(a % b === 0n);
      }),
      { numRuns: runs },
    );
  });

  it('compare, divide and print as decimals', () => {
    fc.assert(
      fc.property(literal, literal, (left, right) => {
        const [a, b] = fraction(left);
        const [c, d] = fraction(right);
        const order = a * d < c * b ? -1 : a * d > c * b ? 1 : 0;
        expect(Math.sign(compareNumbers(numberOf(left), numberOf(right)))).toBe(order);
        if (c > 0n) expect(isMultipleOf(numberOf(left), numberOf(right))).toBe((a * d) % (b * c) === 0n);
        expect(integerText(numberOf(left), 100)).toBe(a % b === 0n ? String(a / b) : undefined);
      }),
      { numRuns: runs },
    );
  });

  it.each([
    '1e400',
    '-1e400',
    '1e-400',
    '1e999999999',
    '1e-999999999',
    `1${'0'.repeat(1_000_000)}1`,
    `1e${'9'.repeat(1000)}`,
  ])('are not made into as many digits: %.20s', (text) => {
    const number = numberOf(text);
    expect(number).toBeInstanceOf(ExactNumber);
    expect(compareNumbers(number, 0)).toBe(text.startsWith('-') ? -1 : 1);
    expect(isMultipleOf(number, 7)).toBe(false);
    expect(compareNumbers(number, numberOf(text))).toBe(0);
  });
});

test('a document has the numbers where they stand, and everything else as JSON.parse has it', () => {
  const text =
    '{"12345678901234567890":"12345678901234567890","a":[1,12345678901234567890,{"\\u0061\\"":-0.1000000000000000055}],"a":[1e400],"__proto__":1.00000000000000000001,"b":"\\\\","c": 1E400 }';
  const { document, exact } = parseExact(text);
  expect(exact).toBe(true);
  expect(writeExact(document)).toBe(
    '{"12345678901234567890":"12345678901234567890","a":[1e400],"__proto__":1.00000000000000000001,"b":"\\\\","c":1E400}',
  );
  expect(parseExact('{"at":"12345678901234567890","n":1234567890123456,"e":1e3}')).toEqual({
    document: { at: '12345678901234567890', n: 1234567890123456, e: 1000 },
    exact: false,
  });
  expect(writeExact({ a: [], b: [1, { c: {} }], d: undefined }, '  ')).toBe(
    JSON.stringify({ a: [], b: [1, { c: {} }] }, undefined, 2),
  );
  expect(() => parseExact('[12345678901234567890')).toThrow(SyntaxError);
});

test.each([
  ['1', '1'],
  ['1.0', '1'],
  ['1e0', '1'],
  ['-0', '0'],
  ['-0.0e5', '0'],
  ['12345678901234567890', '12345678901234567890'],
  ['1234567890123456789.0e1', '12345678901234567890'],
  ['9007199254740993', '9007199254740993'],
  ['-9007199254740993', '-9007199254740993'],
  ['1e21', '1000000000000000000000'],
  ['1e400', `1${'0'.repeat(400)}`],
  ['0.1', '0.1'],
  ['1.50', '1.5'],
  ['1e-7', '1e-7'],
  ['-2.5e-3', '-0.0025'],
  ['0.1000000000000000055', 'not_exact'],
  ['9007199254740993.5', 'not_exact'],
  ['1e-400', 'not_exact'],
  ['1e999999999', 'not_exact'],
  ['"12345678901234567890"', '12345678901234567890'],
  ['true', 'true'],
  ['null', undefined],
  ['{"near":1}', 'not_scalar'],
  ['[]', 'not_scalar'],
])('the key of %s is %s', (payload, expected) => {
  const found = keyAt(parseExact(`{"k":${payload}}`).document, ['k']);
  expect(found instanceof Uint8Array ? Buffer.from(found).toString() : found).toBe(expected);
});

test('nothing is found in a number', () => {
  expect(keyAt(parseExact('{"k":12345678901234567890}').document, ['k', 'text'])).toBeUndefined();
});

const compiler = createSchemaCompiler();
const schemaOf = (definition: string) => compiler.compile(definition);
const accepts = (definition: string, text: string) => schemaOf(definition).accepts(parseExact(text).document);

test.each([
  ['{"maximum":9007199254740992}', ['9007199254740992', '9007199254740991.9'], ['9007199254740993', '1e400']],
  [
    '{"maximum":9007199254740993}',
    ['9007199254740993', '9007199254740992.5'],
    ['9007199254740994', '9007199254740993.1'],
  ],
  ['{"exclusiveMaximum":9007199254740993}', ['9007199254740992'], ['9007199254740993', '9007199254740994']],
  ['{"minimum":-9223372036854775808}', ['-9223372036854775808', '0'], ['-9223372036854775809', '-1e400']],
  ['{"maximum":18446744073709551615}', ['18446744073709551615'], ['18446744073709551616']],
  ['{"exclusiveMinimum":0.1}', ['0.1000000000000000055', '0.2'], ['0.1', '0.09999999999999999999']],
  ['{"minimum":0.10000000000000000001}', ['0.10000000000000000001', '0.2'], ['0.1', '0.05']],
  [
    '{"type":"integer"}',
    ['12345678901234567890', '1e400', '1.0'],
    ['1.00000000000000000001', '9007199254740993.5', '1e-400'],
  ],
  ['{"type":"number"}', ['1e400', '1e-400'], ['"1e400"']],
  ['{"multipleOf":10}', ['12345678901234567890', '1e400', '0'], ['12345678901234567891', '9007199254740993']],
  [
    '{"multipleOf":9007199254740993}',
    ['18014398509481986', '9007199254740993'],
    ['18014398509481984', '9007199254740992'],
  ],
  ['{"multipleOf":0.1}', ['12345678901234567890.1', '0.3'], ['12345678901234567890.12']],
  ['{"const":9007199254740993}', ['9007199254740993', '9007199254740993.0'], ['9007199254740992', '9007199254740994']],
  ['{"const":{"a":[9007199254740993]}}', ['{"a":[9007199254740993]}'], ['{"a":[9007199254740992]}']],
  [
    '{"enum":[1,12345678901234567890]}',
    ['12345678901234567890', '1'],
    ['12345678901234567000', '12345678901234567891'],
  ],
  ['{"enum":[1,9007199254740992]}', ['9007199254740992'], ['9007199254740993']],
  [
    '{"uniqueItems":true}',
    ['[9007199254740992,9007199254740993]', '[1e400,1e401]'],
    ['[9007199254740993,9007199254740993.0]', '[{"a":1e400},{"a":1e400}]'],
  ],
  [
    '{"format":"int64"}',
    ['9223372036854775807', '-9223372036854775808'],
    ['9223372036854775808', '-9223372036854775809', '1.5'],
  ],
  ['{"format":"int32"}', ['2147483647'], ['2147483648', '12345678901234567890']],
  [
    '{"items":{"$ref":"#/$defs/a"},"$defs":{"a":{"maximum":9007199254740992}}}',
    ['[9007199254740992]'],
    ['[9007199254740993]'],
  ],
  ['{"maxLength":1e400,"minLength":0}', ['"a"'], []],
])('%s accepts %j, and not %j', (definition, good, bad) => {
  for (const text of good) expect({ text, accepted: accepts(definition, text) }).toEqual({ text, accepted: true });
  for (const text of bad) {
    expect({ text, accepted: accepts(definition, text) }).toEqual({ text, accepted: false });
    expect(schemaOf(definition).explain(parseExact(text).document, 1).total).toBeGreaterThan(0);
  }
});

test('a refusal shows the numbers of the schema as they were written', () => {
  const messages = (definition: string, text: string) =>
    schemaOf(definition)
      .explain(parseExact(text).document, 5)
      .violations.map(({ message }) => message);
  expect(messages('{"maximum":9007199254740993}', '9007199254740994')).toEqual(['must be <= 9007199254740993']);
  expect(messages('{"enum":[12345678901234567890]}', '1')).toEqual(['must be one of 12345678901234567890']);
  expect(messages('{"const":{"a":1e400}}', '1')).toEqual(['must be {"a":1e400}']);
  expect(messages('{"multipleOf":9007199254740993}', '1')).toEqual(['must be multiple of 9007199254740993']);
});

test.each([
  ['{"maximum":9007199254740993}', '{"maximum":9007199254740992}', '9007199254740993'],
  ['{"maximum":9007199254740992}', '{"maximum":9007199254740993}', undefined],
  [
    '{"type":"integer","minimum":9007199254740993}',
    '{"type":"integer","exclusiveMinimum":9007199254740992}',
    undefined,
  ],
  ['{"minimum":0,"maximum":9223372036854775807}', '{"maximum":9223372036854775807}', undefined],
  ['{"const":12345678901234567890}', '{"const":12345678901234567891}', '12345678901234567890'],
  ['{"enum":[1,12345678901234567890]}', '{"enum":[12345678901234567890,1.0,2]}', undefined],
  ['{"multipleOf":18014398509481986}', '{"multipleOf":9007199254740993}', undefined],
  ['{"type":"integer","multipleOf":1e20}', '{"multipleOf":1e400}', /any/],
])('from %s to %s: %s', (before, after, expected) => {
  const versions = [{ version: 1, definition: before }];
  const { comparisons } = checkCompatibility(compiler, {
    level: 'BACKWARD',
    reading: 'strict',
    proposed: after,
    versions,
    steps: 50_000,
  });
  const verdict = comparisons[0]?.verdict;
  if (expected === undefined) expect(verdict).toEqual({ kind: 'compatible' });
  else if (typeof expected === 'string') expect(verdict).toMatchObject({ counterexample: { document: expected } });
  else expect(verdict?.kind).toBe('incompatible');
});

test('a change of a large number is a change', () => {
  expect(changesBetween('{"enum":[1,9007199254740993]}', '{"enum":[1,9007199254740992]}')).toEqual([
    { pointer: '/enum/1', before: '9007199254740993', after: undefined },
    { pointer: '/enum/1', before: undefined, after: '9007199254740992' },
  ]);
  expect(changesBetween('{"maximum":9007199254740993}', '{"maximum":9007199254740992}')).toHaveLength(1);
  expect(changesBetween('{"maximum":1.0}', '{"maximum":1}')).toEqual([]);
});
