/** A decimal number without a value in JavaScript's numbers: sign, digits and a power of ten. */
interface Parts {
  readonly negative: boolean;
  /** Without zeros at either end; empty for zero. */
  readonly digits: string;
  /** The power of ten that the digits count in. */
  readonly exponent: number;
}

/** Exponents beyond this are taken for this one. Nothing can tell such numbers apart but their text. */
const mostExponent = 1e15;
/** The shortest decimal that stands for a double has at most so many digits. */
const mostDoubleDigits = 17;

/**
 * A number of JSON that no double holds: its exact decimal value differs from the shortest decimal of the double next to it. Examples are
 * `12345678901234567890`, `0.1000000000000000055` and `1e400`. All other numbers stay JavaScript numbers, and stand for their shortest decimal, so
 * that no number has two forms.
 */
export class ExactNumber implements Parts {
  readonly negative: boolean;
  readonly digits: string;
  readonly exponent: number;

  constructor(
    /** As it was written. */
    readonly text: string,
    /** The double next to it; infinite beyond all doubles. */
    readonly near: number,
    parts: Parts,
  ) {
    this.negative = parts.negative;
    this.digits = parts.digits;
    this.exponent = parts.exponent;
  }

  get isInteger(): boolean {
    return this.exponent >= 0;
  }

  /** Equal for equal numbers, and different from the text of every double. */
  get canonical(): string {
    const { negative, digits, exponent, text } = this;
    if (Math.abs(exponent) > mostExponent / 2) return text;
    return `${negative ? '-' : ''}${digits}e${exponent}`;
  }

  /** For code that can only take a double. */
  valueOf(): number {
    return this.near;
  }

  toJSON(): number {
    return this.near;
  }
}

/** A number of JSON: a double where that is exact. */
export type JsonNumber = number | ExactNumber;

export function isJsonNumber(value: unknown): value is JsonNumber {
  return typeof value === 'number' || value instanceof ExactNumber;
}

/** The number that a JSON literal stands for. Takes time linear in its length. */
export function numberOf(literal: string): JsonNumber {
  const near = Number(literal);
  const written = partsOfText(literal);
  if (written.digits === '') return near;
  if (written.digits.length <= mostDoubleDigits && near !== 0 && Number.isFinite(near)) {
    const { digits, exponent } = partsOfText(String(near));
    if (digits === written.digits && exponent === written.exponent) return near;
  }
  return new ExactNumber(literal, near, written);
}

/** The number digits × 10^exponent. */
export function numberFrom(digits: bigint, exponent: number): JsonNumber {
  const isShort = exponent >= 0 && exponent <= 20;
  return numberOf(isShort ? `${digits}${'0'.repeat(exponent)}` : `${digits}e${exponent}`);
}

/** Negative where a is the smaller one, 0 where they are equal. */
export function compareNumbers(a: JsonNumber, b: JsonNumber): number {
  // Rounding to doubles keeps the order, but for numbers that become equal.
  const [left, right] = [Number(a), Number(b)];
  if (left !== right) return left < right ? -1 : 1;
  if (typeof a === 'number' && typeof b === 'number') return 0;
  // Infinity, as the end of a range, is beyond every number.
  if (typeof a === 'number' && !Number.isFinite(a)) return a;
  if (typeof b === 'number' && !Number.isFinite(b)) return -b;
  return compareParts(partsOf(a), partsOf(b));
}

export function isInteger(value: JsonNumber): boolean {
  return typeof value === 'number' ? Number.isInteger(value) : value.isInteger;
}

/** Whether value = n × divisor with a whole n, in decimal: 3.3 is a multiple of 1.1. The divisor is positive. */
export function isMultipleOf(value: JsonNumber, divisor: JsonNumber): boolean {
  if (Number.isSafeInteger(value) && Number.isSafeInteger(divisor)) return Number(value) % Number(divisor) === 0;
  const dividend = partsOf(value);
  const by = partsOf(divisor);
  if (dividend.digits === '') return true;
  // Neither has zeros at its end: whatever is a multiple counts in the same power of ten, or in a higher one.
  if (by.digits === '' || dividend.exponent < by.exponent) return false;
  const modulus = BigInt(by.digits);
  const rest = remainder(dividend.digits, modulus) * power(10n, dividend.exponent - by.exponent, modulus);
  return rest % modulus === 0n;
}

/** The digits of an integer, and a minus where it is negative; undefined for a fraction. `too_long`: more than so many digits. */
export function integerText(value: JsonNumber, mostDigits: number): string | 'too_long' | undefined {
  if (!isInteger(value)) return undefined;
  // -0 is 0.
  if (Number.isSafeInteger(value)) return String(Number(value) + 0);
  const { negative, digits, exponent } = partsOf(value);
  if (digits.length + exponent > mostDigits) return 'too_long';
  return `${negative ? '-' : ''}${digits}${'0'.repeat(exponent)}`;
}

/** The number as JSON: as it was written where no double holds it. */
export function numberText(value: JsonNumber): string {
  return typeof value === 'number' ? JSON.stringify(value) : value.text;
}

export function partsOf(value: JsonNumber): Parts {
  return typeof value === 'number' ? partsOfText(String(value)) : value;
}

/** By hand: a literal may have millions of digits. */
function partsOfText(literal: string): Parts {
  const negative = literal.startsWith('-');
  const exponentAt = literal.search(/[eE]/);
  const mantissa = literal.slice(negative ? 1 : 0, exponentAt < 0 ? undefined : exponentAt);
  const point = mantissa.indexOf('.');
  const all = point < 0 ? mantissa : mantissa.slice(0, point) + mantissa.slice(point + 1);
  let start = 0;
  while (all.charCodeAt(start) === 0x30) start++;
  let end = all.length;
  while (end > start && all.charCodeAt(end - 1) === 0x30) end--;
  if (end === start) return { negative, digits: '', exponent: 0 };
  const stated = exponentAt < 0 ? 0 : Number(literal.slice(exponentAt + 1));
  const exponent = stated - (point < 0 ? 0 : mantissa.length - point - 1) + (all.length - end);
  return {
    negative,
    digits: all.slice(start, end),
    exponent: Math.max(-mostExponent, Math.min(mostExponent, exponent)),
  };
}

function compareParts(a: Parts, b: Parts): number {
  if (a.negative !== b.negative) return a.negative ? -1 : 1;
  const larger = a.negative ? -1 : 1;
  if (a.digits === '' || b.digits === '') return a.digits === b.digits ? 0 : a.digits === '' ? -larger : larger;
  const magnitudes = a.digits.length + a.exponent - (b.digits.length + b.exponent);
  if (magnitudes !== 0) return magnitudes > 0 ? larger : -larger;
  if (a.digits === b.digits) return 0;
  return a.digits > b.digits ? larger : -larger;
}

/** So many digits at a time are divided. */
const digitsAtOnce = 18;

function remainder(digits: string, modulus: bigint): bigint {
  let rest = 0n;
  for (let at = 0; at < digits.length; at += digitsAtOnce) {
    const some = digits.slice(at, at + digitsAtOnce);
    rest = (rest * 10n ** BigInt(some.length) + BigInt(some)) % modulus;
  }
  return rest;
}

function power(base: bigint, exponent: number, modulus: bigint): bigint {
  let result = 1n % modulus;
  let square = base % modulus;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
