import { isDigit, type Scan, unknown } from './scan.js';

export interface NumberRules {
  readonly isInteger?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  /** The number is one of these. */
  readonly values?: readonly number[] | undefined;
}

const minus = 0x2d;
const zero = 0x30;
const point = 0x2e;

/** So many digits make a whole number that a double holds exactly. */
const mostDigits = 15;

/** Powers of ten that are exact: a whole number divided by one of them is the double that the decimal stands for. */
const powers = Array.from({ length: mostDigits + 1 }, (_, exponent) => 10 ** exponent);

/** A number of up to 15 digits, without an exponent. */
export function numbers(rules: NumberRules): Scan {
  const { isInteger = false, values } = rules;
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = rules;
  const { exclusiveMinimum = Number.NEGATIVE_INFINITY, exclusiveMaximum = Number.POSITIVE_INFINITY } = rules;
  return (bytes, at) => {
    const start = bytes[at] === minus ? at + 1 : at;
    let end = start;
    let digits = 0;
    for (let c = bytes[end] ?? 0; isDigit(c); c = bytes[end] ?? 0) {
      digits = digits * 10 + c - zero;
      end++;
    }
    const whole = end - start;
    if (whole === 0 || (whole > 1 && bytes[start] === zero)) return unknown;
    let value = digits;
    let count = whole;
    if (bytes[end] === point) {
      const fraction = ++end;
      for (let c = bytes[end] ?? 0; isDigit(c); c = bytes[end] ?? 0) {
        digits = digits * 10 + c - zero;
        end++;
      }
      if (end === fraction) return unknown;
      count += end - fraction;
      value = digits / (powers[end - fraction] ?? 1);
      if (isInteger && value % 1 !== 0) return unknown;
    }
    if (count > mostDigits || isExponent(bytes[end])) return unknown;
    if (start !== at) value = -value;
    const holds =
      value >= minimum &&
      value <= maximum &&
      value > exclusiveMinimum &&
      value < exclusiveMaximum &&
      (values === undefined || values.includes(value));
    return holds ? end : unknown;
  };
}

/** Any number, also one that is beyond a double. */
export const anyNumber: Scan = (bytes, at) => {
  let end = bytes[at] === minus ? at + 1 : at;
  const start = end;
  end = digitsEnd(bytes, end);
  if (end === start || (end > start + 1 && bytes[start] === zero)) return unknown;
  if (bytes[end] === point) {
    const fraction = end + 1;
    end = digitsEnd(bytes, fraction);
    if (end === fraction) return unknown;
  }
  if (isExponent(bytes[end])) {
    const sign = bytes[end + 1];
    const exponent = sign === 0x2b || sign === minus ? end + 2 : end + 1;
    end = digitsEnd(bytes, exponent);
    if (end === exponent) return unknown;
  }
  return end;
};

function digitsEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(bytes[at] ?? 0)) at++;
  return at;
}

function isExponent(c: number | undefined): boolean {
  return c === 0x65 || c === 0x45;
}
