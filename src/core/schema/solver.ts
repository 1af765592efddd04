import { type Branch, type Brancher, createBrancher } from './branch.js';
import type { Budget } from './budget.js';
import type { Evaluate } from './evaluate.js';
import type { Harvest } from './harvest.js';
import { none, type Outcome, type Search } from './outcome.js';
import { ofTypes } from './rule-book.js';
import type { Literal } from './rules.js';
import { searchArrays } from './search-arrays.js';
import { searchNumbers } from './search-numbers.js';
import { isObjectImpossible, searchObjects } from './search-objects.js';
import { searchTexts } from './search-texts.js';
import { createSolveMemory } from './solve-memory.js';
import type { Oracle } from './text-oracle.js';
import type { Translator } from './translation.js';
import { allTypes, valueTypes } from './value-types.js';

/** What the outermost values are shown to: true if it is what is searched for. */
export type Judge = (value: unknown) => boolean;

export interface Tools {
  readonly translator: Translator;
  readonly evaluate: Evaluate;
  readonly oracle: Oracle;
  readonly hints: Harvest;
  readonly budget: Budget;
  /** The keyword behind the last answer of `evaluate` that was not known. */
  readonly doubted: () => string;
}

/**
 * Searches for a value that keeps all rules, or shows that there is none: by cases of the value's type, then of every choice that the
 * rules leave, then by the rules of that type. Parts of the value are searched for in the same way. A search for a part that is
 * going on already further out counts as failed: values are finite, so the smallest one cannot depend on itself.
 *
 * @param judge has the last word on the whole value.
 */
export function searchValue(tools: Tools, literals: readonly Literal[], judge: Judge): Outcome {
  const { translator, evaluate, budget, doubted } = tools;
  const unconfirmed = (value: unknown): Outcome => ({ kind: 'unknown', keyword: doubted(), value });
  const brancher = createBrancher(translator, budget);
  const memory = createSolveMemory();
  const inner: Search = {
    ...tools,
    book: translator.book,
    solve: (parts) => {
      const goal = [...new Set(parts)].sort((a, b) => a - b);
      return memory.recall(goal.join(), () => explore(inner, brancher, goal));
    },
    offer(branch, value) {
      const results = branch.simple.map((literal) => evaluate(literal, value));
      if (results.includes(false)) return undefined;
      return results.includes(undefined)
        ? { kind: 'unknown', keyword: tools.doubted(), value }
        : { kind: 'some', value };
    },
  };
  const outer: Search = {
    ...inner,
    // Right also where the reasoning is not sure.
    offer: (branch, value) =>
      judge(value) ? { kind: 'some', value } : inner.offer(branch, value) && unconfirmed(value),
  };
  return explore(outer, brancher, literals, judge);
}

function explore(search: Search, brancher: Brancher, literals: readonly Literal[], judge?: Judge): Outcome {
  let unknown: Outcome = none;
  for (const type of allTypes) {
    const branch = brancher.start(type);
    if (!brancher.add(branch, literals)) continue;
    const outcome = choose(search, brancher, branch, judge);
    if (outcome.kind === 'some') return outcome;
    if (unknown.kind === 'none') unknown = outcome;
  }
  return unknown;
}

/** Makes the choices that a branch leaves, the narrowest first. */
function choose(search: Search, brancher: Brancher, branch: Branch, judge: Judge | undefined): Outcome {
  if (!brancher.settle(branch)) return none;
  const listed = finiteValues(search, branch);
  if (listed !== undefined) return fromValues(search, branch, listed, judge);
  const narrowest = branch.choices.reduce<readonly Literal[] | undefined>(
    (least, choice) => (least === undefined || choice.length < least.length ? choice : least),
    undefined,
  );
  if (narrowest === undefined) return searchType(search, branch);
  if (branch.type === valueTypes.object && isObjectImpossible(search, branch)) return none;
  branch.choices = branch.choices.filter((choice) => choice !== narrowest);
  let unknown: Outcome = none;
  for (const literal of narrowest) {
    const copy = brancher.copy(branch);
    if (!brancher.add(copy, [literal])) continue;
    const outcome = choose(search, brancher, copy, judge);
    if (outcome.kind === 'some') return outcome;
    if (unknown.kind === 'none') unknown = outcome;
  }
  return unknown;
}

/** The only values that a branch can have, where they are few. */
function finiteValues({ book }: Search, branch: Branch): unknown[] | undefined {
  if (branch.type === valueTypes.null) return [null];
  if (branch.type === valueTypes.boolean) return [false, true];
  for (const literal of branch.simple) {
    const rule = book.rule(literal);
    if (literal < 0) continue;
    if (rule.kind === 'values') return ofTypes(rule.values.values(), branch.type);
    if (!('count' in rule) || rule.count > 0) continue;
    if (rule.kind === 'maxLength') return [''];
    if (rule.kind === 'maxItems') return [[]];
    if (rule.kind === 'maxProperties') return [{}];
  }
  return undefined;
}

function fromValues(search: Search, branch: Branch, values: unknown[], judge: Judge | undefined): Outcome {
  if (judge !== undefined) {
    // Whole documents, and these are all of them: the validators decide.
    const value = values.find(judge);
    return value === undefined ? none : { kind: 'some', value };
  }
  let unknown: Outcome = none;
  for (const value of values) {
    const keeps = (literal: Literal) => search.evaluate(literal, value);
    const results = [
      ...branch.simple.map(keeps),
      ...branch.choices.map((choice) => {
        const each = choice.map(keeps);
        return each.includes(true) ? true : each.includes(undefined) ? undefined : false;
      }),
    ];
    if (results.includes(false)) continue;
    if (!results.includes(undefined)) return { kind: 'some', value };
    unknown = { kind: 'unknown', keyword: search.doubted(), value };
  }
  return unknown;
}

function searchType(search: Search, branch: Branch): Outcome {
  switch (branch.type) {
    case valueTypes.string:
      return searchTexts(search, branch);
    case valueTypes.array:
      return searchArrays(search, branch);
    case valueTypes.object:
      return searchObjects(search, branch);
    default:
      return searchNumbers(search, branch);
  }
}
