import type { Branch } from './branch.js';
import type { RuleBook } from './rule-book.js';
import type { Literal, Rule } from './rules.js';

type ItemsRule = Extract<Rule, { kind: 'items' }>;
type ContainsRule = Extract<Rule, { kind: 'contains' }>;

/** What the rules of a branch say of an array. */
export interface ArrayRules {
  readonly least: number;
  readonly most: number;
  readonly unique: boolean;
  /** Two items are equal. */
  readonly repeats: boolean;
  readonly contains: readonly ContainsRule[];
  /** Rules that some item breaks. */
  readonly violated: readonly ItemsRule[];
  /** From this position on all positions are alike. */
  readonly distinct: number;
  readonly contradiction: boolean;
  /** To blame where no array is found. */
  readonly keyword: string;
  /** What the item at a position must keep. */
  at(position: number): readonly Literal[];
}

export function readArrayRules(book: RuleBook, branch: Branch): ArrayRules {
  let least = 0;
  let most = Number.POSITIVE_INFINITY;
  const kept: ItemsRule[] = [];
  const violated: ItemsRule[] = [];
  const contains: ContainsRule[] = [];
  let unique = false;
  let repeats = false;
  let keyword = 'items';
  for (const literal of branch.simple) {
    const rule = book.rule(literal);
    if (rule.kind === 'minItems' || rule.kind === 'maxItems') {
      const isLow = (rule.kind === 'minItems') === literal > 0;
      if (isLow) least = Math.max(least, literal > 0 ? rule.count : rule.count + 1);
      else most = Math.min(most, literal > 0 ? rule.count : rule.count - 1);
    } else if (rule.kind === 'items') (literal > 0 ? kept : violated).push(rule);
    else if (rule.kind === 'contains') contains.push(rule);
    else if (rule.kind === 'uniqueItems') {
      if (literal > 0) unique = true;
      else repeats = true;
    } else if (rule.kind === 'opaque') keyword = rule.keyword;
  }
  if (contains.length > 0) keyword = 'contains';
  if (unique) keyword = 'uniqueItems';
  for (const rule of contains) least = Math.max(least, rule.least);
  const distinct = Math.max(0, ...[...kept, ...violated].map(({ prefix }) => prefix.length));
  const alike = [...kept.map(({ rest }) => rest)];
  return {
    least: Math.max(least, repeats ? 2 : 0),
    most,
    unique,
    repeats,
    contains,
    violated,
    distinct,
    contradiction: contains.some((rule) => rule.least > rule.most),
    keyword,
    at: (position) => (position >= distinct ? alike : kept.map(({ prefix, rest }) => prefix[position] ?? rest)),
  };
}
