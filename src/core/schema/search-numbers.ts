import { compareNumbers, isInteger, type JsonNumber } from '../numbers/exact-number.js';
import type { Branch } from './branch.js';
import { type Decimal, decimalOf, isStepOf, leastCommonMultiple, stepsBelow, times } from './decimal.js';
import { firstOf, none, type Outcome, type Search } from './outcome.js';
import { valueTypes } from './value-types.js';

interface Range {
  low: JsonNumber;
  lowExclusive: boolean;
  high: JsonNumber;
  highExclusive: boolean;
}

/** Further out steps are not listed, and no numbers near the bounds are tried. */
const farthest = 2 ** 53;
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
  const divisors: JsonNumber[] = [];
  const excluded: JsonNumber[] = [];
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
  if (!integers && divisors.some(isInteger)) return none;
  const step = commonStep(divisors, integers);
  // Every number that the divisors leave is a multiple of one that is excluded.
  if (step !== undefined && excluded.some((divisor) => isStepOf(step, decimalOf(divisor)))) return none;
  const listed = compareNumbers(range.low, range.high) === 0 ? [range.low] : step && listSteps(range, step);
  if (listed !== undefined)
    return (
      firstOf(
        search,
        branch,
        listed.filter((value) => isInteger(value) === integers),
      ) ?? none
    );
  const candidates = [...nearby(range, step, integers), ...hints.numbers, ...large];
  const fitting = candidates.filter((value) => Number.isFinite(Number(value)) && isInteger(value) === integers);
  return firstOf(search, branch, new Set(fitting)) ?? { kind: 'unknown', keyword: blamed(search, branch) };
}

function blamed({ book }: Search, branch: Branch): string {
  const kinds = branch.simple.map((literal) => book.rule(literal).kind);
  return (['opaque', 'format', 'multipleOf'] as const).find((kind) => kinds.includes(kind)) ?? 'minimum';
}

function bound(range: Range, limit: JsonNumber, isLow: boolean, exclusive: boolean): void {
  const order = compareNumbers(limit, isLow ? range.low : range.high);
  if (order === 0) {
    if (isLow) range.lowExclusive ||= exclusive;
    else range.highExclusive ||= exclusive;
  } else if (isLow && order > 0) Object.assign(range, { low: limit, lowExclusive: exclusive });
  else if (!isLow && order < 0) Object.assign(range, { high: limit, highExclusive: exclusive });
}

function isEmpty({ low, high, lowExclusive, highExclusive }: Range): boolean {
  const order = compareNumbers(low, high);
  return order > 0 || (order === 0 && (lowExclusive || highExclusive));
}

/** What all the numbers are multiples of, where something is. */
function commonStep(divisors: readonly JsonNumber[], integers: boolean): Decimal | undefined {
  const parts = [...divisors.map(decimalOf), ...(integers ? [one] : [])];
  const [first, ...others] = parts;
  return first && others.reduce(leastCommonMultiple, first);
}

/** All numbers of the range that are multiples of the step, where they are few and near. */
function listSteps({ low, high }: Range, step: Decimal): JsonNumber[] | undefined {
  if (!(isNear(low) && isNear(high))) return undefined;
  const first = stepsBelow(low, step);
  const last = stepsBelow(high, step);
  if (last - first > mostTried) return undefined;
  const values: JsonNumber[] = [];
  for (let steps = first; steps <= last; steps++) values.push(times(step, steps));
  return values;
}

function isNear(value: JsonNumber): boolean {
  return Math.abs(Number(value)) <= farthest;
}

/** Numbers that lie where something changes. */
function nearby(range: Range, step: Decimal | undefined, integers: boolean): JsonNumber[] {
  const found: JsonNumber[] = [range.low, range.high].filter((value) => Number.isFinite(Number(value)));
  const [low, high] = [Number(range.low), Number(range.high)];
  for (const around of [0, ...found]) {
    if (compareNumbers(around, range.low) < 0 || compareNumbers(around, range.high) > 0) continue;
    if (step !== undefined && isNear(around)) {
      const steps = stepsBelow(around, step);
      for (let near = -2n; near <= 40n; near++) found.push(times(step, steps + near), times(step, steps - near));
    }
    const double = Number(around);
    for (const distance of integers ? [0, 1, -1, 2, -2] : [0, 0.5, -0.5, 1e-6, -1e-6]) found.push(double + distance);
  }
  if (Number.isFinite(low) && Number.isFinite(high)) found.push(low / 2 + high / 2, low + (high - low) / 3);
  if (!integers) return [...found, 0.1, 1.5, -1.5];
  return found.flatMap((value): JsonNumber[] =>
    typeof value === 'number' ? [Math.floor(value), Math.ceil(value)] : [value],
  );
}
