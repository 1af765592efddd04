import { isObject } from '../json.js';
import type { Draft } from './draft.js';
import { refStandsAlone, schemaKeywords } from './keyword-kinds.js';
import type { SchemaObject } from './parse.js';
import { followReference } from './reference.js';

/**
 * A schema and all that may apply to the same value through `$ref`, `allOf`, `anyOf`, `oneOf`, `if` and dependents; not through `not`.
 * In normal form.
 */
export function inPlaceSchemas(schema: unknown, root: unknown, draft: Draft): SchemaObject[] {
  const found = new Set<SchemaObject>();
  const open = [schema];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (!isObject(next) || found.has(next)) continue;
    found.add(next);
    open.push(...applied(next, root, draft));
  }
  return [...found].filter((one) => !(refStandsAlone(draft) && typeof one.$ref === 'string'));
}

/**
 * A schema with a reference by which it applies itself to the same value again: a validator does not come to an end there. Only what is
 * reached from the top counts.
 */
export function endlessReference(root: SchemaObject, draft: Draft): SchemaObject | undefined {
  const walk = new EndlessWalk(root, draft);
  walk.descend(root);
  return walk.endless;
}

class EndlessWalk {
  endless: SchemaObject | undefined;
  /** False while the schemas that a schema applies to the same value are being looked at. */
  readonly #finished = new Map<SchemaObject, boolean>();
  readonly #open: unknown[] = [];

  constructor(
    readonly root: SchemaObject,
    readonly draft: Draft,
  ) {}

  descend(schema: unknown): void {
    this.#open.push(schema);
    for (let next = this.#open.pop(); next !== undefined; next = this.#open.pop()) this.#apply(next);
  }

  /** Depth first: a schema that is met again before it is finished applies itself. */
  #apply(schema: unknown): void {
    if (!isObject(schema) || this.#finished.get(schema) === true || this.endless !== undefined) return;
    this.#finished.set(schema, false);
    const silent = refStandsAlone(this.draft) && typeof schema.$ref === 'string';
    for (const next of [...applied(schema, this.root, this.draft), ...(silent ? [] : [schema.not])]) {
      if (isObject(next) && this.#finished.get(next) === false) this.endless ??= schema;
      else this.#apply(next);
    }
    if (!silent) this.#open.push(...subschemas(schema));
    this.#finished.set(schema, true);
  }
}

/** All schemas that stand in a schema, but for those that only references lead to. */
function* subschemas(schema: SchemaObject): Generator<unknown> {
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === '$defs' || keyword === 'definitions') continue;
    if (schemaKeywords.mapped.has(keyword) && isObject(value)) yield* Object.values(value);
    else if (schemaKeywords.listed.has(keyword) && Array.isArray(value)) yield* value;
    else if (schemaKeywords.single.has(keyword)) yield value;
  }
}

/** The schemas that apply to the same value, one step further. */
function* applied(schema: SchemaObject, root: unknown, draft: Draft): Generator<unknown> {
  if (typeof schema.$ref === 'string') yield followReference(root, schema.$ref);
  if (refStandsAlone(draft) && typeof schema.$ref === 'string') return;
  for (const keyword of ['allOf', 'anyOf', 'oneOf']) {
    const branches = schema[keyword];
    if (Array.isArray(branches)) yield* branches;
  }
  for (const keyword of ['if', 'then', 'else']) if (keyword in schema) yield schema[keyword];
  for (const keyword of ['dependencies', 'dependentSchemas']) {
    const dependents = schema[keyword];
    if (isObject(dependents)) yield* Object.values(dependents);
  }
}
