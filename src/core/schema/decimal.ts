import { type JsonNumber, numberFrom, partsOf } from '../numbers/exact-number.js';

/** A number as digits × 10^exponent, exactly. */
export interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

/** Powers of ten that are further apart are not brought to one: no schema needs it, and it would take long. */
const mostShift = 10_000;

export function decimalOf(value: JsonNumber): Decimal {
  const { negative, digits, exponent } = partsOf(value);
  const size = BigInt(digits);
  return { digits: negative ? -size : size, exponent };
}

/** The least common multiple of two positive decimals. Throws a RangeError where they are too far apart. */
export function leastCommonMultiple(a: Decimal, b: Decimal): Decimal {
  const exponent = Math.min(a.exponent, b.exponent);
  const left = scaled(a, exponent);
  const right = scaled(b, exponent);
  return { digits: (left / greatestCommonDivisor(left, right)) * right, exponent };
}

/** Whether a is a multiple of b, both positive. */
export function isStepOf(a: Decimal, b: Decimal): boolean {
  const exponent = Math.min(a.exponent, b.exponent);
  return scaled(a, exponent) % scaled(b, exponent) === 0n;
}

/** The greatest whole number of steps that does not exceed a number. */
export function stepsBelow(value: JsonNumber, step: Decimal): bigint {
  const number = decimalOf(value);
  const exponent = Math.min(number.exponent, step.exponent);
  const left = scaled(number, exponent);
  const right = scaled(step, exponent);
  const quotient = left / right;
  return left < 0n && left % right !== 0n ? quotient - 1n : quotient;
}

export function times({ digits, exponent }: Decimal, steps: bigint): JsonNumber {
  return numberFrom(digits * steps, exponent);
}

function scaled({ digits, exponent }: Decimal, to: number): bigint {
  if (exponent - to > mostShift) throw new RangeError('the numbers of the schema are too far apart');
  return digits * 10n ** BigInt(exponent - to);
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
