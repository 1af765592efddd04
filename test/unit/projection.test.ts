import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createProjection } from '../../src/core/subscribe/projection.js';

const project = (json: string, ...pointers: string[]) =>
  createProjection(pointers).project(Buffer.from(json))?.toString() ?? json;

test('keeps the bytes of what is asked for', () => {
  const json =
    '{ "id": 12345678901234567890, "price" : 1.50e+1, "who": {"name": "A\\u006ena", "age": 42 }, "rest": [1, 2] }';
  expect(project(json, '/id', '/price')).toBe('{"id":12345678901234567890,"price":1.50e+1}');
  expect(project(json, '/who/name')).toBe('{"who":{"name":"A\\u006ena"}}');
  expect(project(json, '/who')).toBe('{"who":{"name": "A\\u006ena", "age": 42 }}');
  expect(project(json, '')).toBe(json);
  expect(project(json, '/rest/1', '/who/age')).toBe('{"who":{"age":42},"rest":[2]}');
});

test('doubled and escaped names, and those with / and ~', () => {
  expect(project('{"a":1,"b":2,"\\u0061":3}', '/a')).toBe('{"a":1,"\\u0061":3}');
  expect(project('{"a/b":1,"c~d":2,"":3,"é":4}', '/a~1b', '/c~0d', '/', '/é')).toBe('{"a/b":1,"c~d":2,"":3,"é":4}');
  expect(project('{"~1":1,"/":2}', '/~01')).toBe('{"~1":1}');
  expect(project('{"__proto__":{"constructor":1}}', '/__proto__/constructor')).toBe('{"__proto__":{"constructor":1}}');
});

test('what is absent is left out, and what remains is of the same shape', () => {
  expect(project('{"a":{"b":{}},"c":[]}', '/a/b/c', '/c/0', '/d')).toBe('{}');
  expect(project('[[1,2],{"a":3}]', '/0/1', '/1/a', '/2')).toBe('[[2],{"a":3}]');
  expect(project('[1]', '/a', '/-', '/00')).toBe('[]');
  expect(project('17', '/a')).toBe('{}');
});

test.each([
  [Array.from({ length: 101 }, () => '/a'), /at most 100/],
  [[`/${'a'.repeat(1000)}`], /at most 1000/],
  [['a'], /fields\[0\].*begins with \//],
  [['/a', '#/a'], /fields\[1\]/],
  [['/a~2'], /~0/],
  [['/a~'], /~0/],
])('refuses pointers that are none, or too many', (pointers, message) => {
  expect(() => createProjection(pointers)).toThrow(
    expect.objectContaining({ reason: 'INVALID_REQUEST', message: expect.stringMatching(message) }),
  );
});

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
const names = fc.constantFrom('a', 'b', 'c', '0', '1', 'x/y', 't~', '', '__proto__');
const document: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json>(null, true, 1, -2.5, 'text', 'q"\\'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(names, tie('value'), { maxKeys: 4 }),
  ),
})).value;
const tokens = fc.array(names, { maxLength: 4 });
const pointerOf = (path: readonly string[]) =>
  path.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** The same on parsed values. */
function model(value: Json, paths: readonly (readonly string[])[]): Json | undefined {
  if (paths.some((path) => path.length === 0)) return value;
  const below = (name: string) => paths.filter(([first]) => first === name).map((path) => path.slice(1));
  const pick = (name: string, child: Json) => {
    const rest = below(name);
    return rest.length > 0 ? model(child, rest) : undefined;
  };
  if (Array.isArray(value)) {
    const kept = value.flatMap((child, i) => {
      const part = pick(String(i), child);
      return part === undefined ? [] : [part];
    });
    return kept.length > 0 ? kept : undefined;
  }
  if (value === null || typeof value !== 'object') return undefined;
  const kept = Object.entries(value).flatMap(([name, child]): [string, Json][] => {
    const part = pick(name, child);
    return part === undefined ? [] : [[name, part]];
  });
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

test('is what the pruned document is, whatever the spelling', () => {
  fc.assert(
    fc.property(
      document,
      fc.array(tokens, { minLength: 1, maxLength: 5 }),
      fc.constantFrom('', ' ', '\n\t'),
      (value, paths, space) => {
        const json = JSON.stringify(value, undefined, space);
        const kept = model(value, paths);
        const expected = kept === undefined ? (Array.isArray(value) ? [] : {}) : kept;
        const found = project(json, ...paths.map(pointerOf));
        expect(JSON.parse(found)).toEqual(expected);
        expect(Object.keys(JSON.parse(found) ?? {})).toEqual(Object.keys(expected ?? {}));
      },
    ),
  );
});

test('every number that is kept stands as it was written', () => {
  const spelling = fc
    .tuple(
      fc.constantFrom('', '-'),
      fc.stringMatching(/^[1-9]\d{0,40}$/),
      fc.constantFrom('', '.0', '.10', 'e5', 'E+07'),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(spelling, { minLength: 1, maxLength: 6 }), fc.nat(5), (numbers, index) => {
      const json = `{"rows":[${numbers.map((number) => `{ "n" : ${number} }`).join(' , ')}]}`;
      const number = numbers[index];
      expect(project(json, `/rows/${index}/n`)).toBe(number === undefined ? '{}' : `{"rows":[{"n":${number}}]}`);
    }),
  );
});
