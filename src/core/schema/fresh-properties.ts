import type { ObjectRules } from './object-rules.js';
import type { Outcome, Search } from './outcome.js';
import { oneOfValues, types } from './rule-book.js';
import { always, type Literal } from './rules.js';
import { patternRule } from './translate-scalars.js';
import { valueTypes } from './value-types.js';

/** A property with a name that no rule mentions. */
export interface FreshProperty {
  /** Which regular expressions its name matches, as far as that matters. */
  readonly matches: ReadonlyMap<string, boolean>;
  readonly name: readonly Literal[];
  readonly value: readonly Literal[];
}

export const anyFresh: FreshProperty = { matches: new Map(), name: [], value: [] };

export type FreshOutcome =
  | { readonly kind: 'some'; readonly name: string; readonly value: unknown }
  | Exclude<Outcome, { kind: 'some' }>;

const none: FreshOutcome = { kind: 'none' };

/** Each regular expression doubles the cases. */
const mostPatterns = 8;

/** Searches for a property with a name that is neither mentioned nor used. */
export function searchFresh(
  search: Search,
  rules: ObjectRules,
  wanted: FreshProperty,
  used: readonly string[],
): FreshOutcome {
  search.budget.spend(1);
  if (search.solve([...partsOf(rules, wanted), ...wanted.value]).kind === 'none') return none;
  const undecided = rules.kept.flatMap(({ patterns }) => patterns).find(([source]) => !wanted.matches.has(source));
  if (undecided === undefined) return named(search, rules, wanted, used);
  if (wanted.matches.size >= mostPatterns) return { kind: 'unknown', keyword: 'patternProperties' };
  let unknown: FreshOutcome = none;
  for (const match of [false, true]) {
    const matches = new Map(wanted.matches).set(undecided[0], match);
    const outcome = searchFresh(search, rules, { ...wanted, matches }, used);
    if (outcome.kind === 'some') return outcome;
    if (unknown.kind === 'none') unknown = outcome;
  }
  return unknown;
}

/** What is sure to be asked of its value. */
function partsOf({ kept }: ObjectRules, { matches }: FreshProperty): Literal[] {
  return kept.flatMap(({ patterns, rest }) => {
    const matching = patterns.filter(([source]) => matches.get(source) === true).map(([, value]) => value);
    return patterns.every(([source]) => matches.get(source) === false) ? [rest] : matching;
  });
}

function named(
  search: Search,
  rules: ObjectRules,
  { matches, name, value }: FreshProperty,
  used: readonly string[],
): FreshOutcome {
  const { book } = search;
  const names = search.solve([
    types(book, valueTypes.string),
    ...[...matches].map(([source, match]) => (match ? 1 : -1) * patternRule(book, source)),
    ...rules.names,
    ...name,
    -oneOfValues(book, [...rules.mentioned, ...used]),
  ]);
  if (names.kind !== 'some') return names.kind === 'none' ? none : { kind: 'unknown', keyword: names.keyword };
  const values = search.solve(
    [...partsOf(rules, { matches, name, value }), ...value].filter((part) => part !== always),
  );
  if (values.kind !== 'some') return values;
  return { kind: 'some', name: String(names.value), value: values.value };
}
