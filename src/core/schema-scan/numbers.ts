import { type Scan, unknown } from './scan.js';
import { isDigit, type Text } from './text.js';

export interface NumberRules {
  readonly isInteger?: boolean;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly exclusiveMinimum?: number | undefined;
  readonly exclusiveMaximum?: number | undefined;
  /** The number is one of these. */
  readonly values?: readonly number[] | undefined;
}

/** What bounds say where there are some. */
const bounded = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'] as const;

const minus = 0x2d;
const zero = 0x30;
const point = 0x2e;

/** So many digits make a whole number that a double holds exactly. */
const mostDigits = 15;

/** Powers of ten that are exact: a whole number divided by one of them is the double that the decimal stands for. */
const powers = Array.from({ length: mostDigits + 1 }, (_, exponent) => 10 ** exponent);

/** A number without an exponent, of up to 15 digits if there is anything to be compared. */
export function numbers(rules: NumberRules): Scan {
  const { isInteger = false, values } = rules;
  if (values === undefined && bounded.every((bound) => rules[bound] === undefined)) {
    return isInteger ? wholeNumber : anyNumber;
  }
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = rules;
  const { exclusiveMinimum = Number.NEGATIVE_INFINITY, exclusiveMaximum = Number.POSITIVE_INFINITY } = rules;
  return (text, at) => {
    const start = text.byteAt(at) === minus ? at + 1 : at;
    let end = start;
    let digits = 0;
    for (let c = text.byteAt(end); isDigit(c); c = text.byteAt(end)) {
      digits = digits * 10 + c - zero;
      end++;
    }
    const whole = end - start;
    if (whole === 0 || (whole > 1 && text.byteAt(start) === zero)) return unknown;
    let value = digits;
    let count = whole;
    if (text.byteAt(end) === point) {
      const fraction = ++end;
      for (let c = text.byteAt(end); isDigit(c); c = text.byteAt(end)) {
        digits = digits * 10 + c - zero;
        end++;
      }
      if (end === fraction) return unknown;
      count += end - fraction;
      value = digits / (powers[end - fraction] ?? 1);
      if (isInteger && value % 1 !== 0) return unknown;
    }
    if (count > mostDigits || isExponent(text.byteAt(end))) return unknown;
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

/** Any number, also one that no double holds. */
export const anyNumber: Scan = (text, at) => {
  const end = decimalEnd(text, at);
  if (end < 0 || !isExponent(text.byteAt(end))) return end;
  const sign = text.byteAt(end + 1);
  const exponent = sign === 0x2b || sign === minus ? end + 2 : end + 1;
  const exponentEnd = text.digitsEnd(exponent);
  return exponentEnd === exponent ? unknown : exponentEnd;
};

/** An integer of any length, without an exponent. Behind a point there are zeros only. */
const wholeNumber: Scan = (text, at) => {
  const start = text.byteAt(at) === minus ? at + 1 : at;
  const end = text.digitsEnd(start);
  if (end === start || (end > start + 1 && text.byteAt(start) === zero) || isExponent(text.byteAt(end))) return unknown;
  if (text.byteAt(end) !== point) return end;
  const fractionEnd = text.digitsEnd(end + 1);
  for (let i = end + 1; i < fractionEnd; i++) if (text.byteAt(i) !== zero) return unknown;
  return fractionEnd === end + 1 || isExponent(text.byteAt(fractionEnd)) ? unknown : fractionEnd;
};

/** The end of a number's digits, before and behind its point. */
function decimalEnd(text: Text, at: number): number {
  const start = text.byteAt(at) === minus ? at + 1 : at;
  const end = text.digitsEnd(start);
  if (end === start || (end > start + 1 && text.byteAt(start) === zero)) return unknown;
  if (text.byteAt(end) !== point) return end;
  const fractionEnd = text.digitsEnd(end + 1);
  return fractionEnd === end + 1 ? unknown : fractionEnd;
}

function isExponent(c: number): boolean {
  return c === 0x65 || c === 0x45;
}
