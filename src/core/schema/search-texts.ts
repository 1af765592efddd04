import type { Branch } from './branch.js';
import { characters } from './evaluate.js';
import { formatExamples } from './formats.js';
import { firstOf, none, type Outcome, type Search } from './outcome.js';
import { patternExamples } from './pattern-examples.js';

/** A longer text is not made up, only for the sake of an example. */
const mostCharacters = 100_000;

/** Texts of different kinds, for what is only excluded. */
const various = [
  '',
  'a',
  'b',
  '0',
  '1',
  'A',
  'aa',
  'a1',
  '_',
  ' ',
  '-',
  '.',
  '/',
  'é',
  '日',
  '😀',
  '\n',
  'x'.repeat(30),
];

interface Wanted {
  low: number;
  high: number;
  readonly texts: string[];
  /** Rules that not every text keeps, other than lengths. */
  keyword: string | undefined;
}

/** Searches for a text. */
export function searchTexts(search: Search, branch: Branch): Outcome {
  const wanted = read(search, branch);
  if (wanted.low > wanted.high) return none;
  const candidates = new Set(['', ...wanted.texts, ...search.hints.texts, ...various, ...fresh(wanted)]);
  for (const text of [...candidates]) if (characters(text) < wanted.low) stretch(text, wanted, candidates);
  return firstOf(search, branch, candidates) ?? { kind: 'unknown', keyword: wanted.keyword ?? 'minLength' };
}

function read({ book }: Search, branch: Branch): Wanted {
  const wanted: Wanted = { low: 0, high: Number.POSITIVE_INFINITY, texts: [], keyword: undefined };
  for (const literal of branch.simple) {
    const rule = book.rule(literal);
    if (rule.kind === 'minLength' || rule.kind === 'maxLength') {
      const isLow = (rule.kind === 'minLength') === literal > 0;
      if (isLow) wanted.low = Math.max(wanted.low, literal > 0 ? rule.count : rule.count + 1);
      else wanted.high = Math.min(wanted.high, literal > 0 ? rule.count : rule.count - 1);
    } else if (rule.kind === 'pattern') {
      wanted.keyword = 'pattern';
      wanted.texts.push(...patternExamples(rule.source));
    } else if (rule.kind === 'format') {
      wanted.keyword ??= 'format';
      wanted.texts.push(...formatExamples(rule.name));
    } else if (rule.kind === 'opaque') wanted.keyword ??= rule.keyword;
  }
  return wanted;
}

/** Texts of exactly the shortest and the longest length, which nothing else is likely to be. */
function* fresh({ low, high }: Wanted): Generator<string> {
  for (const length of new Set([low, low + 1, Math.min(high, low + 10)])) {
    if (length > mostCharacters) continue;
    for (const letter of ['a', 'q', '0', '~']) yield letter.repeat(length);
    // Of these there are more than any list can exclude.
    for (let seed = 0; seed < 40 && length > 0; seed++) yield String.fromCodePoint(0x3b1 + seed).repeat(length);
  }
}

/** A text that is too short, made longer at one end; an unanchored pattern matches still. */
function stretch(text: string, { low }: Wanted, into: Set<string>): void {
  const lacking = low - characters(text);
  if (lacking > mostCharacters) return;
  into.add(text + 'a'.repeat(lacking));
  into.add('a'.repeat(lacking) + text);
  const last = text.at(-1);
  if (last !== undefined) into.add(text + last.repeat(lacking));
}
