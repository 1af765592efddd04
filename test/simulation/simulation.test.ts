import { describe, expect, test } from 'vitest';
import { describe as lineOf } from './history.js';
import { brokenBuses } from './mutations.js';
import { type Outcome, simulate } from './simulate.js';

/** How many seeds a test run tries, in slices: a slice is one test, of a second or two, since a busy machine may take many times as long. */
const seeds = 2_000;
const sliceSeeds = 25;
/** In how many seeds a broken bus must be found out. */
const attempts = 60;

/** What a failure shows. */
function verdict({ seed, violations }: Outcome): string[] {
  const shown = violations.slice(0, 5).map(({ rule, at, what }) => `${rule} at ${at} ms: ${what}`);
  return violations.length === 0 ? [] : [`npm run simulate -- --seed ${seed}`, ...shown];
}

describe('a simulated fleet', () => {
  test.each(Array.from({ length: seeds / sliceSeeds }, (_, i) => 1 + i * sliceSeeds))(
    'keeps every promise, from seed %i on',
    async (first) => {
      for (let seed = first; seed < first + sliceSeeds; seed++) {
        expect(verdict(await simulate(seed))).toEqual([]);
      }
    },
  );

  test.each([1, 2, 3, 4, 5])('does the same again with the same seed: %i', async (seed) => {
    const first = await simulate(seed);
    const second = await simulate(seed);
    expect(second.history.map(lineOf)).toEqual(first.history.map(lineOf));
    expect(second.violations).toEqual(first.violations);
    expect(first.history.length).toBeGreaterThan(50);
  });

  test('does something else with another seed', async () => {
    const [one, two] = [await simulate(1), await simulate(2)];
    expect(one.history.map(lineOf)).not.toEqual(two.history.map(lineOf));
  });
});

describe('the checker finds out a bus that', () => {
  test.each(brokenBuses.map((broken) => [broken.name, broken] as const))('%s', async (_, broken) => {
    const found = new Set<string>();
    for (let seed = 1; seed <= attempts && !broken.rules.some((rule) => found.has(rule)); seed++) {
      const { violations } = await simulate(seed, broken);
      for (const { rule } of violations) found.add(rule);
    }
    expect(broken.rules.filter((rule) => found.has(rule))).not.toEqual([]);
  });
});
