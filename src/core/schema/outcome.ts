import type { Branch } from './branch.js';
import type { Budget } from './budget.js';
import type { Evaluate } from './evaluate.js';
import type { Harvest } from './harvest.js';
import type { RuleBook } from './rule-book.js';
import type { Literal } from './rules.js';
import type { Oracle } from './text-oracle.js';

/** Whether any value keeps a set of rules. */
export type Outcome =
  /** None does: proved. */
  | { readonly kind: 'none' }
  /** This one does. */
  | { readonly kind: 'some'; readonly value: unknown }
  /** Not known, because of a keyword; perhaps this one does. */
  | { readonly kind: 'unknown'; readonly keyword: string; readonly value?: unknown };

export const none: Outcome = { kind: 'none' };

/** What the search for a value of one type works with. */
export interface Search {
  readonly book: RuleBook;
  readonly evaluate: Evaluate;
  readonly oracle: Oracle;
  readonly hints: Harvest;
  readonly budget: Budget;
  /** The keyword behind the last answer of `evaluate` that was not known. */
  readonly doubted: () => string;
  /** Whether any value that is a part of the one that is searched for keeps these rules. */
  solve(literals: readonly Literal[]): Outcome;
  /** Looks at a candidate; answers with it if it is good, with `unknown` if that cannot be told, and nothing if it is bad. */
  offer(branch: Branch, candidate: unknown): Outcome | undefined;
}

/** The first good candidate; else the first that may be; else unknown, because of a keyword. */
export function firstOf(search: Search, branch: Branch, candidates: Iterable<unknown>): Outcome | undefined {
  let perhaps: Outcome | undefined;
  for (const candidate of candidates) {
    const outcome = search.offer(branch, candidate);
    if (outcome?.kind === 'some') return outcome;
    perhaps ??= outcome;
  }
  return perhaps;
}
