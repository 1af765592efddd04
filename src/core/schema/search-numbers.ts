import type { Branch } from './branch.js';
import { type Decimal, decimalOf, isMultipleOf, leastCommonMultiple, stepsBelow, times } from './decimal.js';
import { firstOf, none, type Outcome, type Search } from './outcome.js';
import { valueTypes } from './value-types.js';

interface Range {
  low: number;
  lowExclusive: boolean;
  high: number;
  highExclusive: boolean;
}

/** Up to here a double's digits are its value, so that both ways in which the validator divides agree. */
const exact = 2 ** 53;
/** So few numbers are simply tried. */
const mostTried = 512;
/** Beyond what the formats for numbers allow. */
const large = [2 ** 31, -(2 ** 31) - 1, 2 ** 63, -(2 ** 64), 1e300];
const one: Decimal = { digits: 1n, exponent: 0 };

/** Searches for a number: an integer or a fraction, as the branch says. */
export function searchNumbers(search: Search, branch: Branch): Outcome {
  const { book, hints } = search;
  const range: Range = {
    low: Number.NEGATIVE_INFINITY,
    lowExclusive: false,
    high: Number.POSITIVE_INFINITY,
    highExclusive: false,
  };
  const divisors: number[] = [];
  const excluded: number[] = [];
  for (const literal of branch.simple) {
    const rule = book.rule(literal);
    // What is not at least the minimum is below it.
    const exclusive = 'exclusive' in rule && rule.exclusive === literal > 0;
    if (rule.kind === 'minimum') bound(range, rule.limit, literal > 0, exclusive);
    else if (rule.kind === 'maximum') bound(range, rule.limit, literal < 0, exclusive);
    else if (rule.kind === 'multipleOf') (literal > 0 ? divisors : excluded).push(rule.divisor);
  }
  if (isEmpty(range)) return none;
  const integers = branch.type === valueTypes.integer;
  if (!integers && divisors.some(Number.isInteger)) return none;
  const step = commonStep(divisors, integers);
  if (excluded.some((divisor) => dividesAll(divisor, divisors, integers, range))) return none;
  const listed = range.low === range.high ? [range.low] : step && listSteps(range, step);
  if (listed !== undefined)
    return (
      firstOf(
        search,
        branch,
        listed.filter((value) => Number.isInteger(value) === integers),
      ) ?? none
    );
  const candidates = [...nearby(range, step, integers), ...hints.numbers, ...large];
  const fitting = candidates.filter((value) => Number.isFinite(value) && Number.isInteger(value) === integers);
  return firstOf(search, branch, new Set(fitting)) ?? { kind: 'unknown', keyword: blamed(search, branch) };
}

function blamed({ book }: Search, branch: Branch): string {
  const kinds = branch.simple.map((literal) => book.rule(literal).kind);
  return (['opaque', 'format', 'multipleOf'] as const).find((kind) => kinds.includes(kind)) ?? 'minimum';
}

function bound(range: Range, limit: number, isLow: boolean, exclusive: boolean): void {
  const at = isLow ? range.low : range.high;
  if (limit === at) {
    if (isLow) range.lowExclusive ||= exclusive;
    else range.highExclusive ||= exclusive;
  } else if (isLow && limit > at) Object.assign(range, { low: limit, lowExclusive: exclusive });
  else if (!isLow && limit < at) Object.assign(range, { high: limit, highExclusive: exclusive });
}

function isEmpty({ low, high, lowExclusive, highExclusive }: Range): boolean {
  return low > high || (low === high && (lowExclusive || highExclusive));
}

/** What all the numbers are multiples of, where something is. */
function commonStep(divisors: readonly number[], integers: boolean): Decimal | undefined {
  const parts = [...divisors.map(decimalOf), ...(integers ? [one] : [])];
  const [first, ...others] = parts;
  return first && others.reduce(leastCommonMultiple, first);
}

/**
 * Whether every number that the other divisors leave is a multiple of this one. Beyond `exact` the validator divides integers by
 * integers as doubles, and everything else by its digits.
 */
function dividesAll(divisor: number, divisors: readonly number[], integers: boolean, { low, high }: Range): boolean {
  const within = Math.max(Math.abs(low), Math.abs(high)) <= exact;
  const usable = within || !Number.isInteger(divisor) ? divisors : divisors.filter(Number.isInteger);
  // Every integer is whole in its digits, too; but a large multiple of an integer need not be one in its digits.
  const byDigits = within || Number.isInteger(divisor) ? usable : usable.filter((other) => !Number.isInteger(other));
  const step = commonStep(byDigits, integers);
  return step !== undefined && isMultipleOf(step, decimalOf(divisor));
}

/** All numbers of the range that are multiples of the step, where they are few and exact. */
function listSteps({ low, high }: Range, step: Decimal): number[] | undefined {
  if (!(Math.abs(low) <= exact && Math.abs(high) <= exact)) return undefined;
  const first = stepsBelow(low, step);
  const last = stepsBelow(high, step);
  if (last - first > mostTried) return undefined;
  const values: number[] = [];
  for (let steps = first; steps <= last; steps++) values.push(times(step, steps));
  return values;
}

/** Numbers that lie where something changes. */
function nearby({ low, high }: Range, step: Decimal | undefined, integers: boolean): number[] {
  const found: number[] = [];
  for (const around of [0, low, high].filter(Number.isFinite)) {
    if (around < low || around > high) continue;
    if (step !== undefined && Math.abs(around) <= exact) {
      const steps = stepsBelow(around, step);
      for (let near = -2n; near <= 40n; near++) found.push(times(step, steps + near), times(step, steps - near));
    }
    for (const distance of integers ? [0, 1, -1, 2, -2] : [0, 0.5, -0.5, 1e-6, -1e-6]) found.push(around + distance);
  }
  if (Number.isFinite(low) && Number.isFinite(high)) found.push(low / 2 + high / 2, low + (high - low) / 3);
  return integers ? found.flatMap((value) => [Math.floor(value), Math.ceil(value)]) : [...found, 0.1, 1.5, -1.5];
}
