import { refStandsAlone } from './form/keyword-kinds.js';
import { isObject } from './json.js';
import { any, items, properties } from './rule-book.js';
import { always, type Literal, type Place } from './rules.js';
import { hasProperty } from './translate-objects.js';
import type { Translation, Translator } from './translation.js';

type Subject = 'properties' | 'items';

/** What has been evaluated, where all the conditions hold. */
interface Case {
  readonly conditions: readonly Literal[];
  readonly names: readonly string[];
  readonly patterns: readonly string[];
  /** So many items from the first. */
  readonly prefix: number;
  /** Everything. */
  readonly all: boolean;
}

const nothing: Case = { conditions: [], names: [], patterns: [], prefix: 0, all: false };
/** Every `anyOf`, `oneOf` and dependent may double them. */
const mostCases = 64;
const mostDepth = 16;

/** `unevaluatedProperties` and `unevaluatedItems`, by cases of which neighbours have applied. */
export function* translateUnevaluated({ translator, place, schema }: Translation): Generator<Literal> {
  for (const subject of ['properties', 'items'] as const) {
    const keyword = subject === 'properties' ? 'unevaluatedProperties' : 'unevaluatedItems';
    const value = schema[keyword];
    if (value === undefined) continue;
    const rest = translator.position(place, value);
    if (rest === always) continue;
    const cases = new Cases(translator, subject).of(place, 0, keyword);
    if (cases === undefined) {
      yield translator.opaque(place, keyword, schema);
      continue;
    }
    for (const found of cases) {
      if (!found.all)
        yield any(translator.book, [
          ...found.conditions.map((part) => -part),
          closed(translator, subject, found, rest),
        ]);
    }
  }
}

function closed({ book }: Translator, subject: Subject, { names, patterns, prefix }: Case, rest: Literal): Literal {
  if (subject === 'items') return items(book, new Array<Literal>(prefix).fill(always), rest);
  return properties(book, {
    names: new Map(names.map((name) => [name, always])),
    patterns: [...new Set(patterns)].map((source) => [source, always]),
    rest,
  });
}

class Cases {
  readonly #translator: Translator;
  readonly #subject: Subject;

  constructor(translator: Translator, subject: Subject) {
    this.#translator = translator;
    this.#subject = subject;
  }

  /** The cases of a schema, without a keyword of its own; undefined where they are too many or not certain. */
  of(place: Place, depth: number, without?: string): readonly Case[] | undefined {
    const { schema } = place;
    if (!isObject(schema)) return [nothing];
    if (depth > mostDepth) return undefined;
    if (typeof schema.$ref === 'string' && refStandsAlone(place.document.draft)) return undefined;
    let cases: readonly Case[] | undefined = [this.#own(schema, without)];
    if (typeof schema.$ref === 'string') {
      const target = place.document.resolve(schema.$ref);
      if (target === undefined) return undefined;
      cases = product(cases, this.of(target, depth + 1));
      if (cases === undefined) return undefined;
    }
    for (const [branch, condition] of this.#branches(place, schema)) {
      const passed = this.of(branch, depth + 1);
      if (passed === undefined) return undefined;
      if (passed.every(saysNothing)) continue;
      const taken = passed.map((found) => ({ ...found, conditions: [...found.conditions, condition] }));
      cases = product(cases, condition === always ? taken : [...taken, { ...nothing, conditions: [-condition] }]);
      if (cases === undefined) return undefined;
    }
    return cases;
  }

  #own(schema: Readonly<Record<string, unknown>>, without: string | undefined): Case {
    const has = (keyword: string) => keyword !== without && schema[keyword] !== undefined;
    if (this.#subject === 'properties') {
      return {
        ...nothing,
        names: isObject(schema.properties) ? Object.keys(schema.properties) : [],
        patterns: isObject(schema.patternProperties) ? Object.keys(schema.patternProperties) : [],
        all: has('additionalProperties') || has('unevaluatedProperties'),
      };
    }
    const tuple = [schema.prefixItems, schema.items].find(Array.isArray);
    return {
      ...nothing,
      prefix: tuple?.length ?? 0,
      all:
        (has('items') && !Array.isArray(schema.items)) ||
        (Array.isArray(schema.items) && has('additionalItems')) ||
        has('unevaluatedItems'),
    };
  }

  *#branches(place: Place, schema: Readonly<Record<string, unknown>>): Generator<[Place, Literal]> {
    const { document } = place;
    const at = (child: unknown): Place => ({ document, schema: child });
    const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
    for (const child of list(schema.allOf)) yield [at(child), always];
    for (const child of [...list(schema.anyOf), ...list(schema.oneOf)]) {
      yield [at(child), this.#translator.schema(place, child)];
    }
    if (schema.if !== undefined) {
      const passes = this.#translator.schema(place, schema.if);
      yield [at(schema.if), passes];
      if (schema.then !== undefined) yield [at(schema.then), passes];
      if (schema.else !== undefined) yield [at(schema.else), -passes];
    }
    for (const dependents of [schema.dependencies, schema.dependentSchemas]) {
      if (!isObject(dependents)) continue;
      for (const [name, child] of Object.entries(dependents)) {
        if (!Array.isArray(child)) yield [at(child), hasProperty(this.#translator.book, name)];
      }
    }
  }
}

function saysNothing(found: Case): boolean {
  return !found.all && found.names.length + found.patterns.length + found.prefix === 0;
}

function product(left: readonly Case[], right: readonly Case[] | undefined): Case[] | undefined {
  if (right === undefined || left.length * right.length > mostCases) return undefined;
  return left.flatMap((a) =>
    right.map((b) => ({
      conditions: [...a.conditions, ...b.conditions],
      names: [...a.names, ...b.names],
      patterns: [...a.patterns, ...b.patterns],
      prefix: Math.max(a.prefix, b.prefix),
      all: a.all || b.all,
    })),
  );
}
