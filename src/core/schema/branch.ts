import type { Budget } from './budget.js';
import { all, any, type RuleBook } from './rule-book.js';
import { always, type Literal, looksAt, never } from './rules.js';
import { contains } from './translate-arrays.js';
import type { Translator } from './translation.js';
import type { ValueType } from './value-types.js';

/** What must hold of a value of one type: simple rules, and choices still to be made between rules. */
export interface Branch {
  readonly type: ValueType;
  /** Everything that is known to hold, whole schemas included. */
  readonly known: Set<Literal>;
  /** What is left of it: rules that look at this type of value. */
  readonly simple: Literal[];
  /** Of each of these at least one must hold. */
  choices: (readonly Literal[])[];
}

export interface Brancher {
  start(type: ValueType): Branch;
  copy(branch: Branch): Branch;
  /** Adds rules; false if they contradict what is there. */
  add(branch: Branch, literals: readonly Literal[]): boolean;
  /** Removes what cannot be chosen any more; false if nothing is left of a choice. */
  settle(branch: Branch): boolean;
}

const unlimited = Number.POSITIVE_INFINITY;
/** How deep a choice is looked into before it is made. */
const lookahead = 12;
const widest = 8;

export function createBrancher(translator: Translator, budget: Budget): Brancher {
  const { book } = translator;

  function add(branch: Branch, literals: readonly Literal[]): boolean {
    const open = [...literals];
    for (let literal = open.pop(); literal !== undefined; literal = open.pop()) {
      if (branch.known.has(literal)) continue;
      if (branch.known.has(-literal)) return false;
      budget.spend(1);
      branch.known.add(literal);
      const rule = book.rule(literal);
      switch (rule.kind) {
        case 'always':
          if (literal === never) return false;
          break;
        case 'schema':
          open.push(translator.expand(literal));
          break;
        case 'all':
          if (literal > 0) open.push(...rule.parts);
          else branch.choices.push(rule.parts.map((part) => -part));
          break;
        case 'one':
          branch.choices.push(choicesOfOne(book, rule.parts, literal > 0));
          break;
        case 'types':
          if (((rule.mask & branch.type) !== 0) !== literal > 0) return false;
          break;
        case 'declared':
          if (literal < 0) return false;
          if ((looksAt(rule) & branch.type) !== 0) branch.simple.push(literal);
          break;
        default:
          if ((looksAt(rule) & branch.type) === 0) {
            if (literal < 0) return false;
          } else if (rule.kind === 'contains' && literal < 0) {
            const { item, least, most } = rule;
            const fewer = least > 0 ? [contains(book, item, 0, least - 1)] : [];
            const more = most < unlimited ? [contains(book, item, most + 1, unlimited)] : [];
            branch.choices.push([...fewer, ...more]);
          } else branch.simple.push(literal);
      }
    }
    return true;
  }

  /** Whether a rule is known to hold or not to hold in a branch, without making choices. */
  function decide(branch: Branch, literal: Literal, depth: number): boolean | undefined {
    budget.spend(1);
    if (branch.known.has(literal)) return true;
    if (branch.known.has(-literal)) return false;
    const rule = book.rule(literal);
    switch (rule.kind) {
      case 'always':
        return literal === always;
      case 'types':
        return ((rule.mask & branch.type) !== 0) === literal > 0;
      case 'declared':
        return literal < 0 ? false : undefined;
      case 'schema':
        return depth >= lookahead ? undefined : decide(branch, translator.expand(literal), depth + 1);
      case 'all': {
        // A wide choice within a choice is seldom decided, and costs much to look at.
        if (depth >= lookahead || (literal < 0 && depth > 0 && rule.parts.length > widest)) return undefined;
        let every: boolean | undefined = true;
        for (const part of rule.parts) {
          const result = decide(branch, part, depth + 1);
          if (result === false) {
            every = false;
            break;
          }
          if (result === undefined) every = undefined;
        }
        return every === undefined ? undefined : every === literal > 0;
      }
      case 'values':
      case 'opaque':
      case 'one':
        return undefined;
      default:
        return (looksAt(rule) & branch.type) === 0 ? literal > 0 : undefined;
    }
  }

  return {
    start: (type) => ({ type, known: new Set(), simple: [], choices: [] }),
    copy: ({ type, known, simple, choices }) => ({
      type,
      known: new Set(known),
      simple: [...simple],
      choices: [...choices],
    }),
    add,
    settle(branch) {
      for (let changed = true; changed; ) {
        changed = false;
        const choices = branch.choices;
        branch.choices = [];
        for (const choice of choices) {
          const left = remaining(choice, (literal) => decide(branch, literal, 0));
          if (left === undefined) continue;
          const [only] = left;
          if (only === undefined) return false;
          if (left.length > 1) branch.choices.push(left);
          else if (!add(branch, [only])) return false;
          else changed = true;
        }
      }
      return true;
    },
  };
}

/** What can still be chosen; undefined if one of them holds anyway. */
function remaining(
  choice: readonly Literal[],
  decide: (literal: Literal) => boolean | undefined,
): readonly Literal[] | undefined {
  const left: Literal[] = [];
  for (const literal of choice) {
    const result = decide(literal);
    if (result === true) return undefined;
    if (result === undefined) left.push(literal);
  }
  return left;
}

/** Exactly one of the parts holds: which; or not: none, or which two. */
function choicesOfOne(book: RuleBook, parts: readonly Literal[], holds: boolean): Literal[] {
  const negated = parts.map((part) => -part);
  if (holds) return parts.map((part, index) => all(book, [part, ...negated.filter((_, other) => other !== index)]));
  const none = all(book, negated);
  // First one of the two, then the other: most are out of the question after the first.
  const pairs = parts.map((part, index) => all(book, [part, any(book, parts.slice(index + 1))]));
  return [none, ...pairs];
}
