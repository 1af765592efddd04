import type { Ajv } from 'ajv';
import { correctEvaluated } from './evaluated.js';
import { boundLengths } from './lengths.js';
import { correctNumbers } from './numbers.js';
import type { StandIns } from './stand-ins.js';
import { correctTuples } from './tuples.js';

/** Replaces the keywords of ajv that do not do what the specification says, or whose time is not bounded. */
export function correctKeywords(ajv: Ajv, standIns: StandIns): void {
  // An error in ajv; an unknown keyword, and so an annotation, in all drafts that are supported.
  ajv.removeKeyword('id');
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    errors: false,
    compile: (wanted: boolean) => (data: readonly unknown[]) => !wanted || areUnique(data),
    error: { message: 'must NOT have duplicate items' },
  });
  correctNumbers(ajv, standIns);
  correctTuples(ajv);
  boundLengths(ajv);
  correctEvaluated(ajv);
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
  // A stand-in, too, is one value.
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()}}`;
}
