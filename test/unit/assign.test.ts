import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assign, type Candidate, type PartitionSet } from '../../src/core/offsets/assign.js';

type Assignment = ReadonlyMap<string, PartitionSet>;

const candidate = (id: string, topics: string[], yields?: boolean): Candidate => ({
  id,
  topics: new Set(topics),
  ...(yields === undefined ? {} : { yields }),
});
const flat = (set: PartitionSet | undefined) =>
  [...(set ?? [])].flatMap(([topic, partitions]) => partitions.map((partition) => `${topic}/${partition}`));
const counts = (assignment: Assignment) =>
  [...assignment.values()].map((set) => flat(set).length).sort((a, b) => b - a);
const plain = (assignment: Assignment) => Object.fromEntries([...assignment].map(([id, set]) => [id, flat(set)]));

/** How many partitions stayed with whom they were. */
const kept = (before: Assignment, after: Assignment) =>
  [...after].reduce((sum, [id, set]) => sum + flat(set).filter((one) => flat(before.get(id)).includes(one)).length, 0);

const ids = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { minLength: 0, maxLength: 8 });
const oneTopic = fc.integer({ min: 0, max: 40 }).map((partitions) => new Map([['t', partitions]]));

/** What somebody had, in whatever disorder: partitions that are gone, two owners of one, owners who left. */
const anything = fc
  .array(
    fc.tuple(
      fc.stringMatching(/^[a-z]{1,3}$/),
      fc.constantFrom('t', 'u', 'v'),
      fc.array(fc.nat(45), { maxLength: 10 }),
    ),
  )
  .map((entries) => {
    const result = new Map<string, Map<string, number[]>>();
    for (const [id, topic, partitions] of entries) {
      const set = result.get(id) ?? new Map<string, number[]>();
      result.set(id, set.set(topic, partitions));
    }
    return result;
  });

const mixed = fc.record({
  topics: fc
    .tuple(fc.nat(4), fc.nat(4), fc.nat(4))
    .map(([t, u, v]) => new Map(Object.entries({ t, u, v }).filter(([, count]) => count > 0))),
  candidates: ids.chain((names) =>
    fc.tuple(
      ...names.map((id) =>
        fc.tuple(fc.subarray(['t', 'u', 'v']), fc.boolean()).map(([topics, yields]) => candidate(id, topics, yields)),
      ),
    ),
  ),
  previous: anything,
});

describe('where all may own the same', () => {
  const same = (names: string[]) => names.map((id) => candidate(id, ['t']));

  test('each partition has one owner, counts differ by one at most, and the fewest possible move', () => {
    fc.assert(
      fc.property(ids, ids, oneTopic, oneTopic, (first, second, before, after) => {
        const previous = assign(same(first), before, new Map());
        const result = assign(same(second), after, previous);
        const total = after.get('t') ?? 0;
        expect([...result.values()].flatMap(flat).sort()).toEqual(
          second.length === 0 ? [] : Array.from({ length: total }, (_, i) => `t/${i}`).sort(),
        );
        const loads = counts(result);
        if (loads.length > 0) expect((loads[0] ?? 0) - (loads.at(-1) ?? 0)).toBeLessThanOrEqual(1);
        // The larger shares go to those who had most: more cannot stay.
        const share = Math.floor(total / second.length);
        const had = second
          .map((id) => flat(previous.get(id)).filter((one) => Number(one.slice(2)) < total).length)
          .sort((a, b) => b - a);
        const most = had.reduce(
          (sum, count, i) => sum + Math.min(count, share + (i < total % second.length ? 1 : 0)),
          0,
        );
        expect(kept(previous, result)).toBe(most);
      }),
    );
  });

  test('streams without a partition wait, in the order of their ids; those that own keep', () => {
    const two = assign(same(['m', 'n']), new Map([['t', 2]]), new Map());
    const four = assign(same(['z', 'a', 'n', 'm']), new Map([['t', 2]]), two);
    expect(plain(four)).toEqual({ a: [], m: ['t/0'], n: ['t/1'], z: [] });
    expect(plain(assign(same(['z', 'a', 'n']), new Map([['t', 2]]), four))).toEqual({ a: ['t/0'], n: ['t/1'], z: [] });
  });
});

describe('where each may own something else', () => {
  test('complete, allowed, each partition once, whoever gives way gets only what nobody else may own', () => {
    fc.assert(
      fc.property(mixed, ({ topics, candidates, previous }) => {
        const result = assign(candidates, topics, previous);
        const byId = new Map(candidates.map((each) => [each.id, each]));
        expect([...result.keys()].sort()).toEqual([...byId.keys()].sort());
        const owners = new Map<string, Candidate | undefined>();
        for (const [id, set] of result) {
          for (const one of flat(set)) {
            expect(owners.has(one)).toBe(false);
            owners.set(one, byId.get(id));
          }
        }
        for (const [topic, partitions] of topics) {
          const able = candidates.filter((each) => each.topics.has(topic));
          for (let partition = 0; partition < partitions; partition++) {
            const owner = owners.get(`${topic}/${partition}`);
            owners.delete(`${topic}/${partition}`);
            expect(owner === undefined).toBe(able.length === 0);
            if (owner) expect(owner.topics.has(topic)).toBe(true);
            if (owner?.yields) expect(able.every(({ yields }) => yields)).toBe(true);
          }
        }
        expect(owners.size).toBe(0);
      }),
    );
  });

  test('as even as can be: no other division has smaller loads, the largest compared first', () => {
    const small = fc.record({
      topics: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2)).map(([t, u, v]) => new Map(Object.entries({ t, u, v }))),
      sets: fc.array(fc.subarray(['t', 'u', 'v']), { minLength: 1, maxLength: 3 }),
      previous: anything,
    });
    fc.assert(
      fc.property(small, ({ topics, sets, previous }) => {
        const candidates = sets.map((set, i) => candidate(`c${i}`, set));
        expect(counts(assign(candidates, topics, previous))).toEqual(bestLoads(candidates, topics));
      }),
    );
  });

  test('one who waits gets a partition that is passed on by way of another', () => {
    const candidates = [candidate('a', ['t']), candidate('b', ['t', 'u']), candidate('c', ['u'])];
    const previous = new Map([
      ['b', new Map([['t', [0]]])],
      ['c', new Map([['u', [0, 1]]])],
    ]);
    const topics = new Map(Object.entries({ t: 1, u: 2 }));
    expect(counts(assign(candidates, topics, previous))).toEqual([1, 1, 1]);
  });
});

test('the same answer in whatever order the question comes, and nothing moves when nothing has changed', () => {
  fc.assert(
    fc.property(mixed, fc.infiniteStream(fc.nat()), ({ topics, candidates, previous }, numbers) => {
      const shuffle = <T>(items: Iterable<T>) =>
        [...items]
          .map((item) => ({ item, rank: numbers.next().value ?? 0 }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ item }) => item);
      const result = assign(candidates, topics, previous);
      expect(assign(shuffle(candidates), new Map(shuffle(topics)), new Map(shuffle(previous)))).toEqual(result);
      expect(assign(candidates, topics, result)).toEqual(result);
    }),
  );
});

test('a thousand partitions move from one to a hundred without ado', () => {
  const topics = new Map(Array.from({ length: 10 }, (_, i) => [`t${i}`, 100] as const));
  const names = [...topics.keys()];
  const one = assign([candidate('x', names)], topics, new Map());
  const candidates = Array.from({ length: 100 }, (_, i) => candidate(`c${i}`, names));
  expect(new Set(counts(assign([candidate('x', names), ...candidates.slice(1)], topics, one)))).toEqual(new Set([10]));
});

/** The smallest loads, largest first, by trying everything. */
function bestLoads(candidates: readonly Candidate[], topics: ReadonlyMap<string, number>): number[] {
  let best: number[] | undefined;
  const all = [...topics].flatMap(([topic, count]) => Array.from({ length: count }, () => topic));
  const loads = candidates.map(() => 0);
  const visit = (at: number) => {
    const topic = all[at];
    if (topic === undefined) {
      const sorted = [...loads].sort((a, b) => b - a);
      const differing = sorted.findIndex((load, i) => load !== best?.[i]);
      if (!best || (differing >= 0 && (sorted[differing] ?? 0) < (best[differing] ?? 0))) best = sorted;
      return;
    }
    const able = candidates.flatMap((each, i) => (each.topics.has(topic) ? [i] : []));
    if (able.length === 0) visit(at + 1);
    for (const i of able) {
      loads[i] = (loads[i] ?? 0) + 1;
      visit(at + 1);
      loads[i] = (loads[i] ?? 0) - 1;
    }
  };
  visit(0);
  return best ?? [];
}
