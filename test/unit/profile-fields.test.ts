import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fields, fieldLimits } from '../../src/core/explore/profile/fields.js';
import { hashScalar } from '../../src/core/explore/profile/hash.js';
import { DistinctCounter } from '../../src/core/explore/profile/hyperloglog.js';
import { parseExact, writeExact } from '../../src/core/numbers/exact-json.js';

function fieldsOf(documents: readonly unknown[]) {
  const fields = new Fields();
  for (const document of documents) for (const _ of fields.add(document));
  return fields;
}

function profiled(documents: readonly unknown[]) {
  return new Map(
    fieldsOf(documents)
      .profiles()
      .map((field) => [field.path, field]),
  );
}

/** The values at each path, by recursion. */
function valuesByPath(value: unknown, path: string, found: Map<string, unknown[]>): Map<string, unknown[]> {
  found.set(path, [...(found.get(path) ?? []), value]);
  if (Array.isArray(value)) for (const each of value) valuesByPath(each, `${path}/*`, found);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, each] of Object.entries(value)) {
      valuesByPath(each, `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, found);
    }
  }
  return found;
}

test('counts each value of each path once, whatever the documents are', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue({ maxDepth: 5 }), { maxLength: 20 }), (documents) => {
      // An object with a member `*` and an array at the same place have paths of the same name.
      fc.pre(!JSON.stringify(documents).includes('"*"'));
      const profile = profiled(documents);
      const perEvent = documents.map((document) => valuesByPath(document, '', new Map()));
      const paths = new Set(perEvent.flatMap((found) => [...found.keys()]));
      expect([...profile.keys()].filter((path) => path !== '' || documents.length > 0).sort()).toEqual(
        [...paths].sort(),
      );
      for (const path of paths) {
        const field = profile.get(path);
        const values = perEvent.flatMap((found) => found.get(path) ?? []);
        const numbers = values.filter((value) => typeof value === 'number');
        const arrays = values.filter((value) => Array.isArray(value));
        const scalars = values.filter((value) => ['string', 'number', 'boolean'].includes(typeof value));
        const events = perEvent.filter((found) => found.has(path)).length;
        expect(field).toMatchObject({ values: values.length, events, presence: events / documents.length });
        expect(Object.values(field?.types ?? {}).reduce((sum, count) => sum + count, 0)).toBe(values.length);
        if (numbers.length > 0) {
          expect(field?.numbers).toEqual({ min: Math.min(...numbers), max: Math.max(...numbers) });
        }
        if (arrays.length > 0) {
          const lengths = arrays.map(({ length }) => length);
          expect(field?.arrayLengths).toEqual({ min: Math.min(...lengths), max: Math.max(...lengths) });
        }
        expect(field?.distinct?.count ?? 0).toBe(new Set(scalars.map((value) => (value === 0 ? 0 : value))).size);
      }
    }),
  );
});

test('tells what a person wants to know of a field', () => {
  const people = [
    { name: 'Ada', age: 36, tags: ['x', 'y'], note: null },
    { name: 'Blaise', age: 39.5, tags: [] },
    { name: '🙂'.repeat(200), age: -1 },
  ];
  const profile = profiled(people);
  expect([...profile.keys()]).toEqual(['', '/name', '/age', '/tags', '/tags/*', '/note']);
  expect(profile.get('/age')).toMatchObject({
    presence: 1,
    types: { integer: 2, number: 1 },
    numbers: { min: -1, max: 39.5 },
    distinct: { count: 3, exact: true },
    examples: [36, 39.5, -1],
  });
  expect(profile.get('/name')?.textLengths).toEqual({ min: 3, max: 200 });
  expect(profile.get('/name')?.texts).toEqual({ min: 'Ada', max: '🙂'.repeat(50) });
  expect(profile.get('/name')?.examples[2]).toBe(`${'🙂'.repeat(50)}…`);
  expect(profile.get('/tags')).toMatchObject({ events: 2, arrayLengths: { min: 0, max: 2 } });
  expect(profile.get('/tags/*')).toMatchObject({ events: 1, values: 2, types: { string: 2 }, examples: ['x', 'y'] });
  expect(profile.get('/note')).toMatchObject({ types: { null: 1 }, distinct: undefined, examples: [] });
});

test('is bounded in paths, depth and length, and says what it left', () => {
  const wide = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`id-${i}`, i]));
  const many = fieldsOf([wide, wide]);
  expect(many.profiles()).toHaveLength(fieldLimits.paths);
  expect(many.left).toBe(2 * (3_000 - fieldLimits.paths + 1));
  let deep: unknown = 'end';
  for (let i = 0; i < 90; i++) deep = { a: deep };
  const down = fieldsOf([deep]);
  expect(down.profiles()).toHaveLength(fieldLimits.depth + 1);
  expect(down.left).toBe(1);
  expect(fieldsOf([{ ['n'.repeat(2_000)]: 1 }]).left).toBe(1);
});

test('one large document is looked at in many pieces', () => {
  const fields = new Fields();
  let pieces = 0;
  for (const _ of fields.add(Array.from({ length: 100_000 }, (_, i) => ({ i })))) pieces++;
  expect(pieces).toBeGreaterThan(1_000);
  expect(fields.profiles().find(({ path }) => path === '/*/i')).toMatchObject({ values: 100_000, events: 1 });
});

describe('distinct values', () => {
  test.each([1, 100, 256, 257, 1_000, 5_000, 20_000, 100_000, 500_000])('of %i are counted closely', (n) => {
    for (const make of [(i: number) => i, (i: number) => `user-${i}`, (i: number) => i / 7]) {
      const counter = new DistinctCounter();
      for (let i = 0; i < n; i++) counter.add(hashScalar(make(i)));
      for (let i = 0; i < n; i += 3) counter.add(hashScalar(make(i)));
      expect(counter.exact).toBe(n <= 256);
      expect(Math.abs(counter.count() - n)).toBeLessThanOrEqual(n <= 256 ? 0 : n * 0.06);
    }
  });
});

test('shows numbers as they were written, and tells them apart', () => {
  const { document } = parseExact('[9007199254740993,9007199254740992,9007199254740993.0,12345678901234567890,1e400]');
  const field = profiled([document]).get('/*');
  expect(writeExact([field?.numbers, field?.examples, field?.distinct, field?.types])).toBe(
    '[{"min":9007199254740992,"max":1e400},[9007199254740993,9007199254740992,12345678901234567890,1e400],' +
      '{"count":4,"exact":true},{"integer":5}]',
  );
});
