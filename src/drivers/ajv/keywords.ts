import { _, type Ajv, str } from 'ajv';
import { correctEvaluated } from './evaluated.js';
import { boundLengths } from './lengths.js';
import { correctTuples } from './tuples.js';

/** Replaces the keywords of ajv that do not do what the specification says, or whose time is not bounded. */
export function correctKeywords(ajv: Ajv): void {
  // An error in ajv; an unknown keyword, and so an annotation, in all drafts that are supported.
  ajv.removeKeyword('id');
  ajv.removeKeyword('multipleOf');
  ajv.addKeyword({
    keyword: 'multipleOf',
    type: 'number',
    schemaType: 'number',
    errors: false,
    compile: (divisor: number) => (data: number) => isMultiple(data, divisor),
    error: {
      message: ({ schemaCode }) => str`must be multiple of ${schemaCode}`,
      params: ({ schemaCode }) => _`{multipleOf: ${schemaCode}}`,
    },
  });
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    errors: false,
    compile: (wanted: boolean) => (data: readonly unknown[]) => !wanted || areUnique(data),
    error: { message: 'must NOT have duplicate items' },
  });
  correctTuples(ajv);
  boundLengths(ajv);
  correctEvaluated(ajv);
}

/** In decimal, as people mean it: 3.3 is a multiple of 1.1, although no double says so. */
function isMultiple(value: number, divisor: number): boolean {
  if (Number.isInteger(divisor) && Number.isInteger(value)) return value % divisor === 0;
  if (!Number.isFinite(value)) return false;
  const [valueDigits, valueExponent] = decimal(value);
  const [divisorDigits, divisorExponent] = decimal(divisor);
  const exponent = Math.min(valueExponent, divisorExponent);
  const scaled = valueDigits * 10n ** BigInt(valueExponent - exponent);
  return scaled % (divisorDigits * 10n ** BigInt(divisorExponent - exponent)) === 0n;
}

/** A finite number as digits × 10^exponent: the shortest decimal that stands for the double, which is what was written. */
function decimal(value: number): [digits: bigint, exponent: number] {
  const [mantissa = '0', exponent = '0'] = value.toString().split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  return [BigInt(whole + fraction), Number(exponent) - fraction.length];
}

/** By hashing: ajv's own compares every pair, which takes minutes for an array that fills an event. */
function areUnique(items: readonly unknown[]): boolean {
  if (items.length < 2) return true;
  const scalars = new Set<unknown>();
  let composites: Set<string> | undefined;
  for (const item of items) {
    if (typeof item !== 'object' || item === null) {
      if (scalars.has(item)) return false;
      scalars.add(item);
    } else {
      composites ??= new Set();
      const text = canonical(item);
      if (composites.has(text)) return false;
      composites.add(text);
    }
  }
  return true;
}

/** JSON with sorted members: equal for equal values. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  // 1e400 is a number too, and JSON has no other text for it.
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()}}`;
}
