import { isJsonNumber } from '../numbers/exact-number.js';
import { items, type RuleBook } from './rule-book.js';
import { always, type Literal, never } from './rules.js';
import type { Translation } from './translation.js';

/** The keywords for arrays, without `unevaluatedItems`. */
export function* arrayKeywords({ translator, place, schema, book }: Translation): Generator<Literal> {
  const { draft } = place.document;
  const [prefix, rest] =
    draft === '2020-12'
      ? [schema.prefixItems, schema.items]
      : Array.isArray(schema.items)
        ? [schema.items, schema.additionalItems]
        : [undefined, schema.items];
  const position = (item: unknown) => (item === undefined ? always : translator.position(place, item));
  yield items(book, Array.isArray(prefix) ? prefix.map(position) : [], position(rest));
  if (schema.uniqueItems === true) yield book.add('uniqueItems', () => ({ kind: 'uniqueItems' }));
  if (schema.contains === undefined) return;
  const counted = draft !== 'draft-07';
  const least = counted && isJsonNumber(schema.minContains) ? Number(schema.minContains) : 1;
  const most = counted && isJsonNumber(schema.maxContains) ? Number(schema.maxContains) : Number.POSITIVE_INFINITY;
  yield contains(book, position(schema.contains), least, most);
}

/** At least and at most so many items are of a kind. */
export function contains(book: RuleBook, item: Literal, least: number, most: number): Literal {
  if (least <= 0 && most === Number.POSITIVE_INFINITY) return always;
  if (least <= 0 && most === 0) return items(book, [], -item);
  if (item === never && least <= 0) return always;
  return book.add(`contains ${item} ${least} ${most}`, () => ({ kind: 'contains', item, least, most }));
}
