import { describe, expect, test } from 'vitest';
import { compatibilityLevels, isAsStrict, questionsOf } from '../../src/core/compatibility/policy.js';
import { changesBetween } from '../../src/core/schema-registry/changes.js';

describe('levels', () => {
  const asked = (level: (typeof compatibilityLevels)[number]) =>
    questionsOf(level, 2, [1, 2, 3]).map(({ version, backward }) => `${backward ? 'b' : 'f'}${version}`);

  test('ask of the version that applies, or of all', () => {
    expect(asked('NONE')).toEqual([]);
    expect(asked('BACKWARD')).toEqual(['b2']);
    expect(asked('FORWARD')).toEqual(['f2']);
    expect(asked('FULL')).toEqual(['b2', 'f2']);
    expect(asked('BACKWARD_TRANSITIVE')).toEqual(['b3', 'b2', 'b1']);
    expect(asked('FULL_TRANSITIVE')).toEqual(['b3', 'f3', 'b2', 'f2', 'b1', 'f1']);
    expect(questionsOf('FULL', undefined, [])).toEqual([]);
  });

  test('one is as strict as another if it asks all that the other asks', () => {
    for (const level of compatibilityLevels) {
      for (const other of compatibilityLevels) {
        const strict = isAsStrict({ level, reading: 'declared' }, { level: other, reading: 'declared' });
        const transitive = level.endsWith('_TRANSITIVE') || !other.endsWith('_TRANSITIVE');
        const covers = [...asked(other)].every((question) => asked(level).includes(question));
        expect(strict, `${level} for ${other}`).toBe(covers && transitive);
      }
    }
    expect(isAsStrict({ level: 'FULL', reading: 'declared' }, { level: 'BACKWARD', reading: 'strict' })).toBe(false);
    expect(isAsStrict({ level: 'FULL', reading: 'strict' }, { level: 'BACKWARD', reading: 'declared' })).toBe(true);
    expect(isAsStrict({ level: 'NONE', reading: 'declared' }, { level: 'NONE', reading: 'strict' })).toBe(true);
  });
});

describe('changes', () => {
  const changes = (before: unknown, after: unknown) => changesBetween(JSON.stringify(before), JSON.stringify(after));

  test('are told by pointer, members by name and scalars of lists by what they are', () => {
    expect(changes({ a: 1, b: { 'x/y': 2 } }, { b: { 'x/y': 3 }, c: null })).toEqual([
      { pointer: '/a', before: '1', after: undefined },
      { pointer: '/b/x~1y', before: '2', after: '3' },
      { pointer: '/c', before: undefined, after: 'null' },
    ]);
    expect(changes({ enum: ['a', 'b', 'c'] }, { enum: ['c', 'd', 'a'] })).toEqual([
      { pointer: '/enum/1', before: '"b"', after: undefined },
      { pointer: '/enum/1', before: undefined, after: '"d"' },
    ]);
    expect(changes({ allOf: [{ a: 1 }, { b: 1 }] }, { allOf: [{ a: 2 }] })).toEqual([
      { pointer: '/allOf/0/a', before: '1', after: '2' },
      { pointer: '/allOf/1', before: '{"b":1}', after: undefined },
    ]);
    expect(changes({ a: 1, b: 2 }, { b: 2, a: 1 })).toEqual([]);
    expect(changesBetween('{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}')).toEqual([
      { pointer: '/__proto__/a', before: '1', after: '2' },
    ]);
  });

  test('a schema that is another one altogether is shown as a whole', () => {
    const many = (value: number) => Object.fromEntries(Array.from({ length: 2_001 }, (_, i) => [`k${i}`, value]));
    expect(changes(many(1), many(2))).toEqual([
      { pointer: '', before: JSON.stringify(many(1)), after: JSON.stringify(many(2)) },
    ]);
  });
});
