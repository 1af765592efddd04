import { canonical } from './json.js';
import { always, type Literal, never, type PropertiesRule, type Rule } from './rules.js';
import { typeOf } from './value-types.js';

/** All rules of one comparison. Equal rules have one number, so that a rule and its negation are seen to contradict. */
export interface RuleBook {
  rule(literal: Literal): Rule;
  /** The number of a rule. `key` says the same for equal rules of its kind. */
  add(key: string, make: () => Rule): Literal;
}

export function createRuleBook(): RuleBook {
  const rules: Rule[] = [{ kind: 'always' }, { kind: 'always' }];
  const byKey = new Map<string, Literal>();
  return {
    rule(literal) {
      const found = rules[Math.abs(literal)];
      if (found === undefined) throw new Error(`no rule ${literal}`);
      return found;
    },
    add(key, make) {
      const known = byKey.get(key);
      if (known !== undefined) return known;
      const literal = rules.length;
      byKey.set(key, literal);
      rules.push(make());
      return literal;
    },
  };
}

/** All of them hold. */
export function all(book: RuleBook, parts: Iterable<Literal>): Literal {
  const distinct = new Set<Literal>();
  for (const part of parts) {
    if (part === never || distinct.has(-part)) return never;
    if (part !== always) distinct.add(part);
  }
  const sorted = [...distinct].sort((a, b) => a - b);
  const [first] = sorted;
  if (first === undefined) return always;
  if (sorted.length === 1) return first;
  return book.add(`all ${sorted.join()}`, () => ({ kind: 'all', parts: sorted }));
}

/** At least one of them holds. */
export function any(book: RuleBook, parts: Iterable<Literal>): Literal {
  return -all(
    book,
    [...parts].map((part) => -part),
  );
}

/** Exactly one of them holds. */
export function one(book: RuleBook, parts: readonly Literal[]): Literal {
  const possible = parts.filter((part) => part !== never).sort((a, b) => a - b);
  const [first] = possible;
  if (first === undefined) return never;
  if (possible.length === 1) return first;
  return book.add(`one ${possible.join()}`, () => ({ kind: 'one', parts: possible }));
}

export function types(book: RuleBook, mask: number): Literal {
  if (mask === 0) return never;
  return book.add(`types ${mask}`, () => ({ kind: 'types', mask }));
}

/** One of these values. */
export function oneOfValues(book: RuleBook, values: Iterable<unknown>): Literal {
  const byText = new Map<string, unknown>();
  for (const value of values) byText.set(canonical(value), value);
  if (byText.size === 0) return never;
  return book.add(`values ${[...byText.keys()].sort().join()}`, () => ({ kind: 'values', values: byText }));
}

export function required(book: RuleBook, name: string): Literal {
  return book.add(`required ${name}`, () => ({ kind: 'required', name }));
}

export function items(book: RuleBook, prefix: readonly Literal[], rest: Literal): Literal {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === rest) length--;
  const kept = prefix.slice(0, length);
  if (kept.length === 0 && rest === always) return always;
  return book.add(`items ${kept.join()};${rest}`, () => ({ kind: 'items', prefix: kept, rest }));
}

export function properties(book: RuleBook, { names, patterns, rest }: Omit<PropertiesRule, 'kind'>): Literal {
  const telling = [...names].filter(([, value]) => value !== always);
  if (rest === always && telling.length === 0 && patterns.every(([, value]) => value === always)) return always;
  const sortedNames = [...(rest === always ? telling : names)].sort(([a], [b]) => (a < b ? -1 : 1));
  const sortedPatterns = patterns
    .filter(([, value]) => rest !== always || value !== always)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return book.add(`properties ${JSON.stringify([sortedNames, sortedPatterns, rest])}`, () => ({
    kind: 'properties',
    names: new Map(sortedNames),
    patterns: sortedPatterns,
    rest,
  }));
}

/** The values among these that have one of the types. */
export function ofTypes(values: Iterable<unknown>, mask: number): unknown[] {
  return [...values].filter((value) => (typeOf(value) & mask) !== 0);
}
