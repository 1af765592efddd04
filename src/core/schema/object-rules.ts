import type { Branch } from './branch.js';
import { Undecided } from './budget.js';
import { partsFor } from './evaluate.js';
import type { Search } from './outcome.js';
import { always, type DeclaredRule, type Literal, never, type PropertiesRule } from './rules.js';

/** What the rules of a branch say of an object. */
export interface ObjectRules {
  readonly least: number;
  readonly most: number;
  readonly required: ReadonlySet<string>;
  readonly absent: ReadonlySet<string>;
  readonly kept: readonly PropertiesRule[];
  /** Rules that some property breaks. */
  readonly violated: readonly PropertiesRule[];
  /** What all names keep. */
  readonly names: readonly Literal[];
  /** Each is broken by some name. */
  readonly violatedNames: readonly Literal[];
  /** The names that any of the rules tells from others. */
  readonly mentioned: readonly string[];
  /** The regular expressions that do so. */
  readonly patterns: readonly string[];
  /** To blame where no object is found. */
  readonly keyword: string;
  /** What the value of a property must keep. */
  at(name: string): readonly Literal[];
  /** What one of the rules says of it. */
  of(rule: PropertiesRule, name: string): readonly Literal[];
}

export function readObjectRules(search: Search, branch: Branch): ObjectRules {
  const { book } = search;
  let least = 0;
  let most = Number.POSITIVE_INFINITY;
  const required = new Set<string>();
  const absent = new Set<string>();
  const kept: PropertiesRule[] = [];
  const violated: PropertiesRule[] = [];
  const names: Literal[] = [];
  const violatedNames: Literal[] = [];
  const declared: DeclaredRule[] = [];
  let keyword = 'properties';
  for (const literal of branch.simple) {
    const rule = book.rule(literal);
    switch (rule.kind) {
      case 'minProperties':
      case 'maxProperties':
        if ((rule.kind === 'minProperties') === literal > 0) {
          least = Math.max(least, literal > 0 ? rule.count : rule.count + 1);
        } else most = Math.min(most, literal > 0 ? rule.count : rule.count - 1);
        break;
      case 'required':
        (literal > 0 ? required : absent).add(rule.name);
        break;
      case 'properties':
        (literal > 0 ? kept : violated).push(rule);
        break;
      case 'propertyNames':
        if (literal > 0) names.push(rule.name);
        else violatedNames.push(-rule.name);
        break;
      case 'declared':
        declared.push(rule);
        break;
      case 'opaque':
        keyword = rule.keyword;
        break;
      default:
    }
  }
  if (declared.length > 0 && !declared.some(({ open }) => open)) kept.push(closedTo(declared));
  const rules = [...kept, ...violated];
  const cache = new Map<string, readonly Literal[]>();
  const of = (rule: PropertiesRule, name: string): readonly Literal[] => {
    const parts = partsFor(rule, name, (source) => search.oracle.accepts('pattern', source, name));
    if (parts === undefined) throw new Undecided('patternProperties');
    return parts;
  };
  return {
    least: Math.max(least, required.size),
    most,
    required,
    absent,
    kept,
    violated,
    names,
    violatedNames,
    mentioned: [...new Set([...required, ...rules.flatMap((rule) => [...rule.names.keys()]), ...absent])],
    patterns: [...new Set(rules.flatMap((rule) => rule.patterns.map(([source]) => source)))],
    keyword: rules.some(({ patterns }) => patterns.length > 0) ? 'patternProperties' : keyword,
    of,
    at(name) {
      let parts = cache.get(name);
      if (parts === undefined) {
        search.budget.spend(kept.length);
        parts = kept.flatMap((rule) => of(rule, name)).filter((part) => part !== always);
        cache.set(name, parts);
      }
      return parts;
    },
  };
}

/** No property but those that are declared. */
function closedTo(declared: readonly DeclaredRule[]): PropertiesRule {
  const allowed = declared.flatMap(({ names }) => [...names]);
  const patterns = new Set(declared.flatMap((rule) => rule.patterns));
  return {
    kind: 'properties',
    names: new Map(allowed.map((name) => [name, always])),
    patterns: [...patterns].map((source) => [source, always]),
    rest: never,
  };
}
