/** A number as digits × 10^exponent, exactly. */
export interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

/** The shortest decimal that stands for a finite double: what was written. */
export function decimalOf(value: number): Decimal {
  const [mantissa = '0', exponent = '0'] = value.toString().split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

function toNumber({ digits, exponent }: Decimal): number {
  return Number(`${digits}e${exponent}`);
}

/** The least common multiple of two positive decimals. */
export function leastCommonMultiple(a: Decimal, b: Decimal): Decimal {
  const exponent = Math.min(a.exponent, b.exponent);
  const left = scaled(a, exponent);
  const right = scaled(b, exponent);
  return { digits: (left / greatestCommonDivisor(left, right)) * right, exponent };
}

/** Whether a is a multiple of b, both positive. */
export function isMultipleOf(a: Decimal, b: Decimal): boolean {
  const exponent = Math.min(a.exponent, b.exponent);
  return scaled(a, exponent) % scaled(b, exponent) === 0n;
}

/** The greatest whole number of steps that does not exceed a number. */
export function stepsBelow(value: number, step: Decimal): bigint {
  const number = decimalOf(value);
  const exponent = Math.min(number.exponent, step.exponent);
  const left = scaled(number, exponent);
  const right = scaled(step, exponent);
  const quotient = left / right;
  return left < 0n && left % right !== 0n ? quotient - 1n : quotient;
}

export function times({ digits, exponent }: Decimal, steps: bigint): number {
  return toNumber({ digits: digits * steps, exponent });
}

function scaled({ digits, exponent }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(exponent - to);
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
