import { type ArrayRules, readArrayRules } from './array-rules.js';
import type { Branch } from './branch.js';
import { firstOf, none, type Outcome, type Search } from './outcome.js';
import { oneOfValues } from './rule-book.js';
import type { Literal } from './rules.js';

/** A longer array is not made up, only for the sake of an example. */
const mostItems = 1_000;
/** Of so many different values it is counted whether they exist. */
const mostCounted = 64;

/** What has been chosen for certain positions. */
interface Plan {
  readonly length: number;
  readonly extra: ReadonlyMap<number, readonly Literal[]>;
  /** Two positions that hold equal items. */
  readonly equal: readonly [number, number] | undefined;
}

/** Something that some item has to be: at which position. */
type Demand = (position: number) => readonly Literal[];

/** Searches for an array. Positions from `rules.distinct` on are all alike. */
export function searchArrays(search: Search, branch: Branch): Outcome {
  const rules = readArrayRules(search.book, branch);
  if (rules.least > rules.most || rules.contradiction) return none;
  const empty = firstEmpty(search, rules);
  if (empty < rules.least) return none;
  const most = Math.min(rules.most, empty);
  if (rules.unique && tooFewValues(search, rules)) return none;
  if (rules.contains.some(({ item, least }) => !canContain(search, rules, item, least, most))) return none;
  if (tooManyOfAKind(search, rules)) return none;
  if (rules.contains.some(({ item, most: allowed }) => forced(search, rules, item, allowed) > allowed)) return none;
  const demands: Demand[] = [
    ...rules.violated.map(
      ({ prefix, rest }): Demand =>
        (position) => [-(prefix[position] ?? rest)],
    ),
    ...rules.contains
      .filter(({ least }) => least > 0)
      .map(
        ({ item }): Demand =>
          () => [item],
      ),
  ];
  return place(search, branch, { ...rules, most }, demands, {
    length: rules.least,
    extra: new Map(),
    equal: undefined,
  });
}

/** The first position that no item can be at: arrays are shorter. */
function firstEmpty(search: Search, rules: ArrayRules): number {
  for (let position = 0; position <= rules.distinct; position++) {
    if (position >= rules.most) break;
    if (search.solve(rules.at(position)).kind === 'none') return position;
  }
  return Number.POSITIVE_INFINITY;
}

function tooFewValues(search: Search, rules: ArrayRules): boolean {
  if (rules.distinct > 0 || rules.least < 2 || rules.least > mostCounted) return false;
  const values: unknown[] = [];
  while (values.length < rules.least) {
    const outcome = search.solve([...rules.at(0), -oneOfValues(search.book, values)]);
    if (outcome.kind === 'none') return true;
    if (outcome.kind === 'unknown') return false;
    values.push(outcome.value);
  }
  return false;
}

function canContain(search: Search, rules: ArrayRules, item: Literal, least: number, most: number): boolean {
  let capable = 0;
  for (let position = 0; position < Math.min(rules.distinct, most) && capable < least; position++) {
    if (search.solve([...rules.at(position), item]).kind !== 'none') capable++;
  }
  if (capable >= least) return true;
  const alike = most - rules.distinct;
  return alike >= least - capable && search.solve([...rules.at(rules.distinct), item]).kind !== 'none';
}

/** Whether more items are wanted of a kind than are allowed of a wider one. */
function tooManyOfAKind(search: Search, { contains }: ArrayRules): boolean {
  return contains.some(({ item, least }) =>
    contains.some((wider) => wider.most < least && search.solve([item, -wider.item]).kind === 'none'),
  );
}

/** How many items are of a kind at least, in the shortest array; stops counting above `most`. */
function forced(search: Search, rules: ArrayRules, item: Literal, most: number): number {
  if (most >= rules.least) return 0;
  let count = 0;
  for (let position = 0; position < Math.min(rules.least, rules.distinct) && count <= most; position++) {
    if (search.solve([...rules.at(position), -item]).kind === 'none') count++;
  }
  const alike = rules.least - rules.distinct;
  if (count > most || alike <= 0 || search.solve([...rules.at(rules.distinct), -item]).kind !== 'none') return count;
  return count + alike;
}

/** Decides for each demand which position meets it, then builds. */
function place(search: Search, branch: Branch, rules: ArrayRules, demands: readonly Demand[], plan: Plan): Outcome {
  search.budget.spend(1);
  const [demand, ...others] = demands;
  if (demand === undefined)
    return rules.repeats ? placeEqual(search, branch, rules, plan) : build(search, branch, rules, plan);
  let unknown: Outcome = none;
  const last = Math.min(rules.distinct, rules.most - 1);
  for (let position = 0; position <= last; position++) {
    const extra = [...(plan.extra.get(position) ?? []), ...demand(position)];
    const fits = search.solve([...rules.at(position), ...extra]).kind !== 'none';
    if (!fits && position < rules.distinct) continue;
    // Demands that exclude each other are met by different ones of the positions that are alike.
    const at = fits ? position : freePosition(plan, rules);
    const own = fits ? extra : demand(position);
    if (search.solve([...rules.at(at), ...own]).kind === 'none') continue;
    if (at >= rules.most) {
      // One of the taken positions might do, but for the first of them.
      if (at > rules.distinct + 1 && unknown.kind === 'none') unknown = { kind: 'unknown', keyword: rules.keyword };
      continue;
    }
    const outcome = place(search, branch, rules, others, {
      ...plan,
      length: Math.max(plan.length, at + 1),
      extra: new Map(plan.extra).set(at, own),
    });
    if (outcome.kind === 'some') return outcome;
    if (unknown.kind === 'none') unknown = outcome;
  }
  return unknown;
}

function freePosition(plan: Plan, rules: ArrayRules): number {
  let position = rules.distinct;
  while (plan.extra.has(position)) position++;
  return position;
}

function placeEqual(search: Search, branch: Branch, rules: ArrayRules, plan: Plan): Outcome {
  let unknown: Outcome = none;
  const last = Math.min(rules.most - 1, Math.max(rules.distinct, plan.length - 1) + 1);
  if (last > mostCounted) return { kind: 'unknown', keyword: 'uniqueItems' };
  for (let first = 0; first < last; first++) {
    for (let second = first + 1; second <= last; second++) {
      const both = [first, second].flatMap((at) => [...rules.at(at), ...(plan.extra.get(at) ?? [])]);
      if (search.solve(both).kind === 'none') continue;
      const length = Math.max(plan.length, second + 1);
      const outcome = build(search, branch, rules, { ...plan, length, equal: [first, second] });
      if (outcome.kind === 'some') return outcome;
      if (unknown.kind === 'none') unknown = outcome;
    }
  }
  return unknown;
}

function build(search: Search, branch: Branch, rules: ArrayRules, plan: Plan): Outcome {
  const wanted = rules.contains.reduce((length, { least }) => Math.max(length, least), plan.length);
  let unknown: Outcome | undefined;
  for (const length of new Set(
    [wanted, wanted + 1, wanted + rules.distinct].filter((length) => length <= rules.most),
  )) {
    if (length > mostItems) break;
    const items = fill(search, rules, plan, length);
    if (!Array.isArray(items)) {
      unknown ??= items;
      continue;
    }
    const outcome = firstOf(search, branch, [items]);
    if (outcome?.kind === 'some') return outcome;
    unknown ??= outcome;
  }
  return unknown ?? { kind: 'unknown', keyword: rules.keyword };
}

/** Items for all positions: with as many of each kind as it takes, and no more. */
function fill(search: Search, rules: ArrayRules, plan: Plan, length: number): unknown[] | Outcome {
  const items: unknown[] = [];
  const counts = rules.contains.map(() => 0);
  for (let position = 0; position < length; position++) {
    const equalTo = plan.equal?.[1] === position ? plan.equal[0] : undefined;
    if (equalTo !== undefined) {
      items.push(items[equalTo]);
      continue;
    }
    const twin = plan.equal?.[0] === position ? plan.equal[1] : undefined;
    const fixed = [position, ...(twin === undefined ? [] : [twin])].flatMap((at) => [
      ...rules.at(at),
      ...(plan.extra.get(at) ?? []),
    ]);
    if (rules.unique) fixed.push(-oneOfValues(search.book, items));
    const wishes = rules.contains.map(({ item, least }, index) => ((counts[index] ?? 0) < least ? item : -item));
    const outcome = granted(search, fixed, wishes);
    if (outcome.kind === 'none' || !('value' in outcome)) {
      return { kind: 'unknown', keyword: outcome.kind === 'unknown' ? outcome.keyword : rules.keyword };
    }
    items.push(outcome.value);
    for (const [index, { item }] of rules.contains.entries()) {
      if (search.evaluate(item, outcome.value) === true) counts[index] = (counts[index] ?? 0) + 1;
    }
  }
  return items;
}

/** An item that keeps the rules, and as many of the wishes as can be had. */
function granted(search: Search, fixed: readonly Literal[], wishes: readonly Literal[]): Outcome {
  let rules = fixed;
  for (const wish of wishes) {
    const outcome = search.solve([...rules, wish]);
    if (outcome.kind === 'some') rules = [...rules, wish];
  }
  return search.solve(rules);
}
