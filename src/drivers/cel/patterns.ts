import { LRUCache } from 'lru-cache';
import { RE2JS } from 're2js';
import { takeSteps } from './meter.js';

/** Of a pattern, in characters; and of what its repetitions multiply to. */
const longestPattern = 500;
const largestPattern = 1_000;

interface Pattern {
  readonly regex: RE2JS;
  readonly size: number;
}

/** Patterns are few and come again with each record: compiling one costs as much as hundreds of uses. */
const compiled = new LRUCache<string, Pattern>({ max: 200 });

/** Why a pattern cannot be used in a filter; undefined where it can. */
export function wrongPattern(text: string): string | undefined {
  if (text.length > longestPattern) {
    return `the pattern has ${text.length} characters; at most ${longestPattern} are possible`;
  }
  if (/\\[pP]/.test(text)) return 'the pattern has \\p, which takes too long to prepare: name ranges, as in [a-zà-ÿ]';
  const size = sizeOf(text);
  if (size > largestPattern) {
    return `the pattern is too large: with its repetitions multiplied it has a size of ${size}; at most ${largestPattern} are possible`;
  }
  try {
    patternOf(text);
    return undefined;
  } catch (error) {
    return `the pattern is none: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Whether a text has a part that matches, in time linear in text and pattern. */
export function matchesPattern(text: string, pattern: string): boolean {
  const { regex, size } = patternOf(pattern);
  takeSteps(1 + Math.ceil((text.length * (8 + size)) / 8));
  return regex.test(text);
}

function patternOf(text: string): Pattern {
  let pattern = compiled.get(text);
  if (!pattern) {
    pattern = { regex: RE2JS.compile(text), size: sizeOf(text) };
    compiled.set(text, pattern);
  }
  return pattern;
}

/** How many parts the pattern's automaton has at most, about: what a character of a text may cost. */
function sizeOf(pattern: string): number {
  let size = pattern.length;
  for (const [, least = '', most = ''] of pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)) {
    size *= Math.max(1, Number(least), Number(most));
  }
  return size;
}
