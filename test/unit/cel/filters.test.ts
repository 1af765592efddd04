import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BusError } from '../../../src/core/errors.js';
import type { Candidate } from '../../../src/core/ports/filter-compiler.js';
import { createCelCompiler } from '../../../src/drivers/cel/compiler.js';

const { compile } = createCelCompiler();
const candidate = (payload: string, more: Partial<Candidate['record']> = {}): Candidate => ({
  topic: 't',
  partition: 0,
  kind: 'json',
  record: { key: Buffer.from('abc'), value: Buffer.from(payload), headers: [], offset: 7, timestamp: 0, ...more },
});
const ask = (filter: string, payload: string) => compile(filter).matches(candidate(payload));

test.each([
  ['payload.n > 2', '{"n":3}', true],
  ['payload.n == 3', '{"n":3.0}', true],
  ['payload.n + 1 == 4 && 2 * payload.n == 6.0 && payload.n % 2 == 1', '{"n":3}', true],
  ['has(payload.x)', '{"x":null}', true],
  ["'x' in payload && payload.x == null", '{"x":null}', true],
  ['has(payload.x)', '{}', false],
  ['has(payload.constructor) || has(payload.__proto__)', '{}', false],
  ['payload.__proto__ == 1', '{"__proto__":1}', true],
  ['payload.items.exists(i, i.price > 10.0)', '{"items":[{"price":1},{"price":11}]}', true],
  ['payload.items.all(i, has(i.price))', '{"items":[{"price":1},{}]}', false],
  ['payload.items.filter(i, i > 1).map(i, i * 2) == [4.0, 6.0]', '{"items":[1,2,3]}', true],
  ['payload.exists(name, name.startsWith("b") && payload[name] == 2)', '{"a":1,"bc":2}', true],
  ['size(payload.t) == 2', '{"t":"a😀"}', true],
  ["payload.t.contains('b') && payload.t.matches('^a.c$')", '{"t":"abc"}', true],
  ["timestamp(payload.at) < timestamp('2026-01-01T00:00:00Z')", '{"at":"2025-12-31T23:59:59Z"}', true],
  ['payload == {"a": [1, 2]}', '{"a":[1,2]}', true],
  ['payload.id == 9007199254740993', '{"id":9007199254740993}', true],
  ['payload.id == 9007199254740993', '{"id":9007199254740992}', false],
  ['payload.id < 9007199254740993 && payload.id >= 9007199254740992', '{"id":9007199254740992}', true],
  ['payload.id > 12345678901234567000', '{"id":12345678901234567001}', true],
  ['payload.id == 12345678901234567890u', '{"id":12345678901234567890}', true],
  ['payload.id in [9223372036854775807]', '{"id":9223372036854775807}', true],
  ['payload.ids.exists(i, i == -9223372036854775808)', '{"ids":[1,-9223372036854775808]}', true],
  ['payload.id + 1 == 9007199254740994', '{"id":9007199254740993}', true],
  ["string(payload.id) == '9007199254740993'", '{"id":9007199254740993}', true],
  // Beyond 64 bits, and for fractions, it is the double next to the number.
  ['payload.n > 1e300', '{"n":1e400}', true],
  ['payload.n == 1e30', '{"n":1000000000000000000000000000001}', true],
  ['payload.n == 0.1', '{"n":0.1000000000000000055}', true],
  ['payload.items[1] == 2 && payload.items[payload.i] == 2', '{"items":[1,2],"i":1}', true],
])('%s of %s', (filter, payload, expected) => {
  expect(ask(filter, payload)).toBe(expected);
});

test.each([
  ['payload.age >', 13, /ends too early/],
  ['payload.age = 3', 12, /==/],
  ["payload.name == 'x", 16, /not closed/],
  ['(payload.a', 0, /not closed/],
  ['paylod.age > 1', 0, /there is no paylod; there are payload, key/],
  ['key.lower() == "a"', 3, /no function lower/],
  ['key.startsWith()', 3, /<string>.startsWith\(string\)/],
  ['size(key)', 0, /gives an int/],
  ['payload.n + 1', 10, /gives a number, a text/],
  ['-payload.n', 0, /gives a number, a text/],
  ['3', 0, /gives an int/],
  ['payload.tags.map(t, t)', 12, /gives a list/],
  ['key.matches("(")', 12, /pattern is none/],
  ['key.matches(payload.p)', 3, /stands in the filter/],
  ['key.matches("(((a{90}){90}){9})")', 12, /too large/],
  ['payload.all(a, a.all(b, b.all(c, c.all(d, d))))', 34, /3 deep/],
  ['has(payload)', 0, /has takes a field/],
  [`${'('.repeat(2_000)}true${')'.repeat(2_000)}`, 32, /too deep.*32/],
  [`payload${'[0]'.repeat(1_300)}`, 199, /64 selectors/],
  [`key == 'k' && payload${'.a'.repeat(1_300)}`, 149, /64 selectors/],
  [`${'(true)&&'.repeat(500)}true`, 2_000, /250 pairs/],
  [`${'!'.repeat(3_000)}true`, 1_000, /1000 names/],
  [`1 in [${'1,'.repeat(2_000)}1]`, 2_002, /1000 names/],
])('refuses what is wrong, and shows the place (%#)', (filter, position, message) => {
  const error = thrown(() => compile(filter));
  expect(error).toMatchObject({ reason: 'FILTER_INVALID', message: expect.stringMatching(message) });
  expect(error.metadata).toMatchObject({ position: String(position), line: '1', column: String(position + 1) });
  const [, line = '', caret = ''] = error.message.split('\n');
  expect(line.charAt(caret.indexOf('^'))).toBe(filter.charAt(position));
});

test('what looks like brackets and selectors in a text is none', () => {
  const texts = `key == '${'[('.repeat(200)}' || key == r"${'.a'.repeat(200)}\\" || '''${"(' ".repeat(100)}''' == key`;
  expect(ask(`${texts} || true`, '{}')).toBe(true);
  expect(ask(`payload.a.b == 1 ${'&& (payload.a.b) == 1'.repeat(150)}`, '{"a":{"b":1}}')).toBe(true);
  expect(ask(`payload${'[0]'.repeat(60)} == 1`, `${'['.repeat(60)}1${']'.repeat(60)}`)).toBe(true);
});

test('what a loop names is made once for a record', () => {
  let reads = 0;
  const value = Buffer.from(`{"items":[${'1,'.repeat(100)}1],"filler":"${'x'.repeat(3 * 1024 * 1024)}"}`);
  const asked = candidate('');
  const counted = (part: 'value' | 'headers' | 'key') => {
    const plain = part === 'value' ? value : asked.record[part];
    const get = () => {
      reads++;
      return plain;
    };
    return { enumerable: true, get };
  };
  const record = Object.defineProperties(
    { ...asked.record },
    {
      value: counted('value'),
      headers: counted('headers'),
      key: counted('key'),
    },
  );
  const filter =
    'payload.items.all(i, payload.items[0] == i && size(headers) == 0 && size(attributes) == 0 && key == key)';
  expect(compile(filter).matches({ ...asked, record })).toBe(true);
  expect(reads).toBeLessThan(20);
});

test('counts lines, and shows the one in question', () => {
  const error = thrown(() => compile('payload.a > 1\n  && paylod.b'));
  expect(error.metadata).toMatchObject({ line: '2', column: '6' });
  expect(error.message).toMatch(/\n {4}&& paylod.b\n {7}\^$/);
});

test('any text is a filter or is refused as one', () => {
  const tokens = fc.constantFrom(
    'payload',
    '.a',
    '==',
    '1',
    "'x'",
    '(',
    ')',
    '[',
    ']',
    '&&',
    '!',
    '?',
    ':',
    '-',
    '\n',
    '"',
    '\\',
    'has',
    '{',
    '}',
    ',',
    '😀',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(tokens).map((parts) => parts.join('')),
      ),
      (text) => {
        try {
          const verdict = compile(text).matches(candidate('{"a":1}'));
          expect(typeof verdict === 'boolean' || verdict.outcome === 'failed').toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ reason: 'FILTER_INVALID' });
        }
      },
    ),
  );
});

const numbers = JSON.stringify({
  items: Array.from({ length: 50_000 }, (_, i) => i),
  text: 'a'.repeat(1_000_000),
  digits: '9'.repeat(500_000),
});
const row = `[${Array.from({ length: 300 }, () => '1').join(',')}]`;
test.each([
  'payload.items.all(a, payload.items.all(b, a + b > -1))',
  'payload.items.all(a, a > -1)',
  'payload.items.map(x, x).size() == 3',
  `${row}.all(a, ${row}.all(b, ${row}.all(c, a + b + c == 3)))`,
  Array.from({ length: 100 }, () => 'payload == payload').join(' && '),
  Array.from({ length: 100 }, () => 'payload.items.exists(x, x == -1)').join(' || '),
  'payload.text.contains(payload.text + "b")',
  'payload.text.matches("(a|b)*c$")',
  Array.from({ length: 150 }, () => 'size(payload.text) == 3').join(' || '),
  Array.from({ length: 90 }, () => "time.getHours('Europe/Berlin') > -1").join(' && '),
])('is stopped, whatever it does with large values (%#)', (filter) => {
  expect(ask(filter, numbers)).toMatchObject({ outcome: 'stopped', message: expect.stringContaining('steps') });
  // And the next one has its own.
  expect(ask('payload.n == 1', '{"n":1}')).toBe(true);
});

test('does not read numbers that are too long', () => {
  expect(ask('int(payload.digits) == 1', numbers)).toMatchObject({ outcome: 'failed' });
});

test('a failure names what is missing, and the place', () => {
  expect(ask('payload.age > 1 && payload.name.size() > 3', '{"age":2}')).toMatchObject({
    outcome: 'failed',
    message: expect.stringMatching(/name.*character/),
  });
  expect(ask('key > 3', '{}')).toMatchObject({ outcome: 'failed' });
});

test('a key that is no text is bytes, and one that is not there is null', () => {
  const bytes = candidate('{}', { key: Buffer.from([0xff]) });
  expect(compile("type(key) == bytes && key == b'\\xff'").matches(bytes)).toBe(true);
  expect(compile('key == null').matches(candidate('{}', { key: null }))).toBe(true);
});

function thrown(act: () => unknown): BusError {
  try {
    act();
  } catch (error) {
    if (error instanceof BusError) return error;
  }
  throw new Error('no BusError was thrown');
}
