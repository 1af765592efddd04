import { annotations, refStandsAlone } from './form/keyword-kinds.js';
import { canonical, isObject } from './json.js';
import { all, any, one, oneOfValues, type RuleBook, types } from './rule-book.js';
import { always, type Literal, never, type Place } from './rules.js';
import { arrayKeywords } from './translate-arrays.js';
import { declaredAt } from './translate-declared.js';
import { objectKeywords } from './translate-objects.js';
import { scalarKeywords } from './translate-scalars.js';
import { translateUnevaluated } from './translate-unevaluated.js';
import type { Translation, Translator } from './translation.js';
import { typeMask } from './value-types.js';

const refers = /"\$ref":/;

export function createTranslator(book: RuleBook): Translator {
  const documentKeys = new Map<string, number>();
  const expanded = new Map<Literal, Literal>();
  const texts = new WeakMap<object, string>();

  /** Canonical text, of which equal schemas have the same, without what says nothing. */
  function textOf(schema: object): string {
    let text = texts.get(schema);
    if (text === undefined) {
      text = canonical(Object.fromEntries(Object.entries(schema).filter(([keyword]) => !annotations.has(keyword))));
      texts.set(schema, text);
    }
    return text;
  }

  /** What a text means: the same wherever it stands, unless it refers to something. */
  function meaning({ document }: Place, text: string): string {
    if (!refers.test(text)) return `${document.draft} ${text}`;
    const known = documentKeys.get(document.text) ?? documentKeys.size;
    documentKeys.set(document.text, known);
    return `${document.draft} ${known} ${text}`;
  }

  const translator: Translator = {
    book,
    schema(from, schema) {
      if (schema === true) return always;
      if (schema === false) return never;
      if (!isObject(schema)) return translator.opaque(from, 'schema', schema);
      const text = textOf(schema);
      if (text === '{}') return always;
      const { document } = from;
      const place: Place = { document, schema };
      return book.add(`schema ${document.reading} ${meaning(place, text)}`, () => ({ kind: 'schema', place }));
    },
    position(from, schema) {
      const literal = translator.schema(from, schema);
      if (from.document.reading === 'strict' || !isObject(schema)) return literal;
      return all(book, [literal, declaredAt(translator, { ...from, schema })]);
    },
    expand(literal) {
      const id = Math.abs(literal);
      let found = expanded.get(id);
      if (found === undefined) {
        const rule = book.rule(id);
        found = rule.kind === 'schema' ? translate(translator, rule.place) : id;
        expanded.set(id, found);
      }
      return literal < 0 ? -found : found;
    },
    opaque(place, keyword, of) {
      const text = canonical(of);
      // The drafts' own schemas mean the same wherever they are referred to.
      return book.add(`opaque ${keyword} ${meaning(place, text)}`, () => ({ kind: 'opaque', keyword }));
    },
  };
  return translator;
}

function translate(translator: Translator, place: Place): Literal {
  const { book } = translator;
  const schema = isObject(place.schema) ? place.schema : {};
  const translation: Translation = { translator, place, schema, book };
  if (typeof schema.$ref === 'string' && refStandsAlone(place.document.draft)) {
    return reference(translation, schema.$ref);
  }
  const parts = [
    ...(typeof schema.$ref === 'string' ? [reference(translation, schema.$ref)] : []),
    ...scalarKeywords(translation),
    ...arrayKeywords(translation),
    ...objectKeywords(translation),
    ...combinations(translation),
  ];
  if (schema.type !== undefined) parts.push(types(book, typeMask(schema.type)));
  if ('const' in schema) parts.push(oneOfValues(book, [schema.const]));
  if (Array.isArray(schema.enum)) parts.push(oneOfValues(book, schema.enum));
  if (place.document.draft !== 'draft-07') parts.push(...translateUnevaluated(translation));
  return all(book, parts);
}

function reference({ translator, place }: Translation, stated: string): Literal {
  const found = place.document.resolve(stated);
  return found === undefined ? translator.opaque(place, '$ref', stated) : translator.schema(found, found.schema);
}

function* combinations({ translator, place, schema, book }: Translation): Generator<Literal> {
  const branches = (value: unknown): Literal[] =>
    Array.isArray(value) ? value.map((branch) => translator.schema(place, branch)) : [];
  if (schema.allOf !== undefined) yield all(book, branches(schema.allOf));
  if (schema.anyOf !== undefined) yield any(book, branches(schema.anyOf));
  if (schema.oneOf !== undefined) yield one(book, branches(schema.oneOf));
  if (schema.not !== undefined) yield -translator.schema(place, schema.not);
  if (schema.if === undefined) return;
  const condition = translator.schema(place, schema.if);
  if (schema.then !== undefined) yield any(book, [-condition, translator.schema(place, schema.then)]);
  if (schema.else !== undefined) yield any(book, [condition, translator.schema(place, schema.else)]);
}
