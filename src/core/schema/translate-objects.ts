import { isObject } from './json.js';
import { all, any, properties, type RuleBook, required, types } from './rule-book.js';
import { always, type Literal } from './rules.js';
import type { Translation } from './translation.js';
import { valueTypes } from './value-types.js';

/** The keywords for objects, without `unevaluatedProperties`. */
export function* objectKeywords(translation: Translation): Generator<Literal> {
  const { translator, place, schema, book } = translation;
  const position = (value: unknown) => (value === undefined ? always : translator.position(place, value));
  const mapped = (value: unknown): [string, Literal][] =>
    isObject(value) ? Object.entries(value).map(([name, child]) => [name, position(child)]) : [];
  yield properties(book, {
    names: new Map(mapped(schema.properties)),
    patterns: mapped(schema.patternProperties),
    rest: position(schema.additionalProperties),
  });
  for (const name of texts(schema.required)) yield required(book, name);
  if (schema.propertyNames !== undefined) {
    const name = translator.schema(place, schema.propertyNames);
    if (name !== always) yield book.add(`propertyNames ${name}`, () => ({ kind: 'propertyNames', name }));
  }
  yield* dependencies(translation);
}

function* dependencies({ translator, place, schema, book }: Translation): Generator<Literal> {
  const known = place.document.draft === 'draft-07' ? [] : [schema.dependentRequired, schema.dependentSchemas];
  for (const dependents of [schema.dependencies, ...known]) {
    if (!isObject(dependents)) continue;
    for (const [name, dependent] of Object.entries(dependents)) {
      const consequence = Array.isArray(dependent)
        ? all(
            book,
            texts(dependent).map((other) => required(book, other)),
          )
        : translator.schema(place, dependent);
      yield any(book, [-hasProperty(book, name), consequence]);
    }
  }
}

/** An object with this property. */
export function hasProperty(book: RuleBook, name: string): Literal {
  return all(book, [types(book, valueTypes.object), required(book, name)]);
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
