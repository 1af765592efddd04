import { compareNumbers, isJsonNumber, type JsonNumber } from '../numbers/exact-number.js';
import type { Budget } from './budget.js';
import { canonical, isObject } from './json.js';
import type { RuleBook } from './rule-book.js';
import { type Literal, looksAt, type PropertiesRule, type Rule } from './rules.js';
import type { AskedKeyword, Oracle } from './text-oracle.js';
import type { Translator } from './translation.js';
import { anyType, typeOf } from './value-types.js';

/** Whether a value keeps a rule; undefined where that is not known. */
export type Evaluate = (literal: Literal, value: unknown) => boolean | undefined;

/** In-place references may be nested so deep. */
const mostDepth = 200;

/** @param doubt is told the keyword behind each answer that is not known. */
export function createEvaluate(
  translator: Translator,
  oracle: Oracle,
  budget: Budget,
  doubt: (keyword: string) => void,
): Evaluate {
  const book: RuleBook = translator.book;
  let depth = 0;

  function evaluate(literal: Literal, value: unknown): boolean | undefined {
    budget.spend(1);
    if (depth >= mostDepth) {
      doubt('$ref');
      return undefined;
    }
    depth++;
    const rule = book.rule(literal);
    const held =
      (looksAt(rule) & typeOf(value)) === 0 && looksAt(rule) !== anyType ? true : holds(rule, literal, value);
    depth--;
    return literal > 0 || held === undefined ? held : !held;
  }

  function holds(rule: Rule, literal: Literal, value: unknown): boolean | undefined {
    switch (rule.kind) {
      case 'always':
      case 'declared':
        return true;
      case 'schema':
        return evaluate(translator.expand(Math.abs(literal)), value);
      case 'all':
        return every(rule.parts, (part) => evaluate(part, value));
      case 'one':
        return exactlyOne(rule.parts.map((part) => evaluate(part, value)));
      case 'types':
        return (rule.mask & typeOf(value)) !== 0;
      case 'values':
        return rule.values.has(canonical(value));
      case 'pattern':
        return ask('pattern', rule.source, value);
      case 'format':
        return ask('format', rule.name, value);
      case 'multipleOf':
        return ask('multipleOf', rule.divisor, value);
      case 'opaque':
        doubt(rule.keyword);
        return undefined;
      default:
        if (isJsonNumber(value)) return ofNumber(rule, value);
        if (typeof value === 'string') return ofText(rule, value);
        if (Array.isArray(value)) return ofArray(rule, value);
        return isObject(value) ? ofObject(rule, value) : true;
    }
  }

  function ask(keyword: AskedKeyword, operand: unknown, value: unknown): boolean | undefined {
    const answer = oracle.accepts(keyword, operand, value);
    if (answer === undefined) doubt(keyword);
    return answer;
  }

  function ofArray(rule: Rule, value: readonly unknown[]): boolean | undefined {
    switch (rule.kind) {
      case 'minItems':
        return value.length >= rule.count;
      case 'maxItems':
        return value.length <= rule.count;
      case 'items':
        return every(value.keys(), (index) => evaluate(rule.prefix[index] ?? rule.rest, value[index]));
      case 'contains': {
        const results = value.map((item) => evaluate(rule.item, item));
        const sure = results.filter((result) => result === true).length;
        const possible = results.filter((result) => result !== false).length;
        if (possible < rule.least || sure > rule.most) return false;
        return sure >= rule.least && possible <= rule.most ? true : undefined;
      }
      case 'uniqueItems':
        return new Set(value.map(canonical)).size === value.length;
      default:
        return undefined;
    }
  }

  function ofObject(rule: Rule, value: Readonly<Record<string, unknown>>): boolean | undefined {
    const names = Object.keys(value);
    switch (rule.kind) {
      case 'minProperties':
        return names.length >= rule.count;
      case 'maxProperties':
        return names.length <= rule.count;
      case 'required':
        return Object.hasOwn(value, rule.name);
      case 'propertyNames':
        return every(names, (name) => evaluate(rule.name, name));
      case 'properties':
        return every(names, (name) => {
          const parts = partsFor(rule, name, (source) => ask('pattern', source, name));
          return parts && every(parts, (part) => evaluate(part, value[name]));
        });
      default:
        return undefined;
    }
  }
  return evaluate;
}

/** What the rule says of a property; undefined where it is not known which patterns match. */
export function partsFor(
  { names, patterns, rest }: PropertiesRule,
  name: string,
  matches: (source: string) => boolean | undefined,
): Literal[] | undefined {
  const parts: Literal[] = [];
  const own = names.get(name);
  if (own !== undefined) parts.push(own);
  let additional = own === undefined;
  for (const [source, value] of patterns) {
    const match = matches(source);
    if (match === undefined) return undefined;
    if (!match) continue;
    additional = false;
    parts.push(value);
  }
  return additional ? [rest] : parts;
}

function ofNumber(rule: Rule, value: JsonNumber): boolean | undefined {
  if (rule.kind !== 'minimum' && rule.kind !== 'maximum') return undefined;
  const order = compareNumbers(value, rule.limit) * (rule.kind === 'minimum' ? 1 : -1);
  return rule.exclusive ? order > 0 : order >= 0;
}

function ofText(rule: Rule, value: string): boolean | undefined {
  if (rule.kind === 'minLength') return characters(value) >= rule.count;
  if (rule.kind === 'maxLength') return characters(value) <= rule.count;
  return undefined;
}

/** As JSON Schema counts them: code points. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function every<T>(items: Iterable<T>, test: (item: T) => boolean | undefined): boolean | undefined {
  let all: boolean | undefined = true;
  for (const item of items) {
    const result = test(item);
    if (result === false) return false;
    if (result === undefined) all = undefined;
  }
  return all;
}

function exactlyOne(results: readonly (boolean | undefined)[]): boolean | undefined {
  const sure = results.filter((result) => result === true).length;
  if (sure > 1) return false;
  if (results.includes(undefined)) return undefined;
  return sure === 1;
}
