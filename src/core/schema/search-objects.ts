import type { Branch } from './branch.js';
import { anyFresh, type FreshProperty, searchFresh } from './fresh-properties.js';
import { setMember } from './json.js';
import { type ObjectRules, readObjectRules } from './object-rules.js';
import { firstOf, none, type Outcome, type Search } from './outcome.js';
import { all } from './rule-book.js';
import type { Literal } from './rules.js';

/** More properties are not made up, only for the sake of an example. */
const mostMadeUp = 256;

/** What has been chosen for certain properties. */
interface Plan {
  readonly extra: ReadonlyMap<string, readonly Literal[]>;
  readonly fresh: readonly FreshProperty[];
}

/** A rule that some property breaks: which one. */
interface Demand {
  /** What breaks it in the value of a mentioned property; undefined if its name cannot. */
  named(name: string): readonly Literal[] | undefined;
  readonly fresh: readonly FreshProperty[];
}

interface NarrowedDemand {
  readonly names: readonly (readonly [name: string, broken: readonly Literal[]])[];
  readonly fresh: readonly FreshProperty[];
}

/** Searches for an object. */
export function searchObjects(search: Search, branch: Branch): Outcome {
  const rules = readObjectRules(search, branch);
  if (rules.least > rules.most) return none;
  for (const name of rules.required) if (!isPossible(search, rules, name, [])) return none;
  if (rules.least > rules.required.size && tooFewNames(search, rules)) return none;
  const demands = [
    ...rules.violated.map((rule) => breaking(search, rules, rule)),
    ...rules.violatedNames.map((name) => breakingName(search, name)),
  ].map((demand) => narrowed(search, rules, demand));
  // Those that are hard to meet come first.
  demands.sort((a, b) => a.names.length + a.fresh.length - b.names.length - b.fresh.length);
  if (demands.some(({ names, fresh }) => names.length + fresh.length === 0)) return none;
  return place(search, branch, rules, demands, { extra: new Map(), fresh: [] });
}

/** Whether a branch is out of the question, whatever is still chosen. */
export function isObjectImpossible(search: Search, branch: Branch): boolean {
  const rules = readObjectRules(search, branch);
  if (rules.least > rules.most) return true;
  for (const name of rules.required) if (!isPossible(search, rules, name, [])) return true;
  return false;
}

/** A demand with what meets it if it is the only one. */
function narrowed(search: Search, rules: ObjectRules, demand: Demand): NarrowedDemand {
  const names = rules.mentioned.flatMap((name): [string, readonly Literal[]][] => {
    const broken = demand.named(name);
    return broken !== undefined && isPossible(search, rules, name, broken) ? [[name, broken]] : [];
  });
  const fresh = demand.fresh.filter((wanted) => searchFresh(search, rules, wanted, []).kind !== 'none');
  return { names, fresh };
}

function breaking({ book }: Search, rules: ObjectRules, rule: ObjectRules['violated'][number]): Demand {
  const none = new Map(rule.patterns.map(([source]) => [source, false]));
  return {
    named: (name) => [-all(book, rules.of(rule, name))],
    fresh: [
      { matches: none, name: [], value: [-rule.rest] },
      ...rule.patterns.map(([source, value]) => ({ matches: new Map([[source, true]]), name: [], value: [-value] })),
    ],
  };
}

function breakingName(search: Search, broken: Literal): Demand {
  return {
    named: (name) => (search.evaluate(broken, name) === false ? undefined : []),
    fresh: [{ ...anyFresh, name: [broken] }],
  };
}

function isPossible(search: Search, rules: ObjectRules, name: string, extra: readonly Literal[]): boolean {
  search.budget.spend(1);
  if (rules.absent.has(name)) return false;
  if (rules.names.some((literal) => search.evaluate(literal, name) === false)) return false;
  return search.solve([...rules.at(name), ...extra]).kind !== 'none';
}

/** Whether there are fewer names than properties are needed. */
function tooFewNames(search: Search, rules: ObjectRules): boolean {
  let count = 0;
  for (const name of rules.mentioned) if (isPossible(search, rules, name, []) && ++count >= rules.least) return false;
  const used: string[] = [];
  while (count + used.length < rules.least) {
    if (used.length >= mostMadeUp) return false;
    const outcome = searchFresh(search, rules, anyFresh, used);
    if (outcome.kind === 'none') return true;
    if (outcome.kind === 'unknown') return false;
    used.push(outcome.name);
  }
  return false;
}

/** Decides for each demand which property meets it, then builds. */
function place(
  search: Search,
  branch: Branch,
  rules: ObjectRules,
  demands: readonly NarrowedDemand[],
  plan: Plan,
): Outcome {
  const names = new Set([...rules.required, ...plan.extra.keys()]);
  if (names.size + Math.min(1, plan.fresh.length) > rules.most) return none;
  const [demand, ...others] = demands;
  if (demand === undefined) return build(search, branch, rules, plan);
  let unknown: Outcome = none;
  const go = (next: Plan): boolean => {
    const outcome = place(search, branch, rules, others, next);
    if (unknown.kind !== 'unknown' || outcome.kind === 'some') unknown = outcome;
    return outcome.kind === 'some';
  };
  for (const [name, broken] of demand.names) {
    const before = plan.extra.get(name) ?? [];
    const extra = [...before, ...broken];
    if (before.length > 0 && !isPossible(search, rules, name, extra)) continue;
    if (go({ ...plan, extra: new Map(plan.extra).set(name, extra) })) return unknown;
  }
  for (const fresh of demand.fresh) {
    if (go({ ...plan, fresh: [...plan.fresh, fresh] })) return unknown;
  }
  return unknown;
}

function build(search: Search, branch: Branch, rules: ObjectRules, plan: Plan): Outcome {
  const built: Record<string, unknown> = {};
  for (const name of new Set([...plan.extra.keys(), ...rules.required])) {
    const outcome = search.solve([...rules.at(name), ...(plan.extra.get(name) ?? [])]);
    if (!('value' in outcome))
      return { kind: 'unknown', keyword: outcome.kind === 'unknown' ? outcome.keyword : rules.keyword };
    setMember(built, name, outcome.value);
  }
  for (const wanted of plan.fresh) {
    const outcome = searchFresh(search, rules, wanted, Object.keys(built));
    if (outcome.kind !== 'some')
      return { kind: 'unknown', keyword: outcome.kind === 'unknown' ? outcome.keyword : rules.keyword };
    setMember(built, outcome.name, outcome.value);
  }
  return firstOf(search, branch, enlarged(search, rules, built)) ?? { kind: 'unknown', keyword: rules.keyword };
}

/** The object with as many properties as it needs, and then with some more. */
function* enlarged(search: Search, rules: ObjectRules, built: Record<string, unknown>): Generator<unknown> {
  let current = built;
  let more = 0;
  const size = () => Object.keys(current).length;
  if (size() >= rules.least) yield current;
  for (const [name, value] of additions(search, rules, () => Object.keys(current))) {
    if (size() >= rules.most || more > 3) return;
    current = { ...current };
    setMember(current, name, value);
    if (size() < rules.least) continue;
    more++;
    yield current;
  }
}

function* additions(search: Search, rules: ObjectRules, used: () => string[]): Generator<[string, unknown]> {
  for (const name of rules.mentioned) {
    if (used().includes(name) || !isPossible(search, rules, name, [])) continue;
    const outcome = search.solve(rules.at(name));
    if (outcome.kind === 'some') yield [name, outcome.value];
  }
  for (let count = 0; count < mostMadeUp; count++) {
    const outcome = searchFresh(search, rules, anyFresh, used());
    if (outcome.kind !== 'some') return;
    yield [outcome.name, outcome.value];
  }
}
