import { isJsonNumber } from '../numbers/exact-number.js';
import { assertedFormat } from './formats.js';
import { canonical } from './json.js';
import { literalsOf } from './literal-pattern.js';
import { any, oneOfValues, type RuleBook, types } from './rule-book.js';
import { always, type Literal } from './rules.js';
import type { Translation } from './translation.js';
import { anyType, valueTypes } from './value-types.js';

const bounds = [
  ['minimum', 'minimum', false],
  ['exclusiveMinimum', 'minimum', true],
  ['maximum', 'maximum', false],
  ['exclusiveMaximum', 'maximum', true],
] as const;

const counts = ['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'] as const;

/** The keywords whose value is a number or a text. */
export function* scalarKeywords({ schema, book }: Translation): Generator<Literal> {
  for (const [keyword, kind, exclusive] of bounds) {
    const limit = schema[keyword];
    if (isJsonNumber(limit)) {
      yield book.add(`${kind} ${exclusive} ${canonical(limit)}`, () => ({ kind, limit, exclusive }));
    }
  }
  for (const kind of counts) {
    // Counts that no double holds are beyond everything that can be counted.
    const count = isJsonNumber(schema[kind]) ? Number(schema[kind]) : undefined;
    if (count !== undefined && !(kind.startsWith('min') && count <= 0)) {
      yield book.add(`${kind} ${count}`, () => ({ kind, count }));
    }
  }
  const { multipleOf: divisor, pattern: source, format: name } = schema;
  if (isJsonNumber(divisor)) {
    yield book.add(`multipleOf ${canonical(divisor)}`, () => ({ kind: 'multipleOf', divisor }));
  }
  if (typeof source === 'string') yield patternRule(book, source);
  if (typeof name === 'string') {
    const on = assertedFormat(name);
    if (on !== 0) yield book.add(`format ${name}`, () => ({ kind: 'format', name, on }));
  }
}

/** A regular expression that texts match: as the texts themselves, where they are few. */
export function patternRule(book: RuleBook, source: string): Literal {
  if (source === '' || source === '.*' || source === '^') return always;
  const literals = literalsOf(source);
  if (literals !== undefined) {
    return any(book, [types(book, anyType & ~valueTypes.string), oneOfValues(book, literals)]);
  }
  return book.add(`pattern ${source}`, () => ({ kind: 'pattern', source }));
}
