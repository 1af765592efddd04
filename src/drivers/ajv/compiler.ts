import { MissingRefError, type ValidateFunction } from 'ajv';
import { BusError, type Violation } from '../../core/errors.js';
import type { CompiledSchema, Explanation, SchemaCompiler } from '../../core/ports/schema-compiler.js';
import { Budget, countReferences, TooCostly } from './budget.js';
import { type Draft, draftOf } from './drafts.js';
import { addFormats } from './formats.js';
import { countValues, isObject } from './json.js';
import { correctKeywords } from './keywords.js';
import { invalidSchema } from './limits.js';
import { type Prepared, prepareSchema } from './prepare.js';
import { linearRegExps } from './regexp.js';
import { explainErrors } from './violations.js';

/** With references ajv collects errors in quadratic time: above this many values only the first violation is told. */
const mostExplainedValues = 5_000;

/**
 * JSON Schema draft-07, 2019-09 and 2020-12 (where `$schema` is absent). Formats are asserted, unknown keywords and formats are
 * annotations, regular expressions are RE2, members are own members only, `multipleOf` counts in decimal.
 * References reach only into the same schema.
 */
export function createSchemaCompiler(): SchemaCompiler {
  return {
    compile(definition) {
      const prepared = prepareSchema(definition);
      const draft = draftOf(prepared.schema);
      checkAgainstMetaSchema(prepared, draft);
      return new Compiled(prepared, draft);
    },
  };
}

class Compiled implements CompiledSchema {
  readonly #prepared: Prepared;
  readonly #draft: Draft;
  readonly #budget = new Budget();
  readonly #first: ValidateFunction;
  #all: ValidateFunction | undefined;

  constructor(prepared: Prepared, draft: Draft) {
    this.#prepared = prepared;
    this.#draft = draft;
    this.#first = compile(prepared, draft, this.#budget, false);
  }

  accepts(document: unknown): boolean {
    try {
      this.#budget.start(document);
      return this.#first(document) === true;
    } catch {
      // A reference that leads to itself without consuming anything overflows the stack, others take too long; `explain` says so.
      return false;
    } finally {
      this.#budget.end();
    }
  }

  explain(document: unknown, most: number): Explanation {
    try {
      this.#budget.start(document);
      const validate = this.#explainer(document);
      if (validate(document) === true) return { violations: [], total: 0 };
      const errors = validate.errors ?? [];
      validate.errors = null;
      return explainErrors(errors, most);
    } catch (error) {
      const why =
        error instanceof TooCostly
          ? 'it takes too long, since the schema refers to itself in too many ways or has a costly regular expression'
          : error instanceof RangeError
            ? 'the schema refers to itself without end for this document'
            : 'the schema fails on this document';
      const message = `cannot be checked: ${why}`;
      return { violations: [{ pointer: '', rule: 'schema', message }] satisfies Omit<Violation, 'event'>[], total: 1 };
    } finally {
      this.#budget.end();
    }
  }

  #explainer(document: unknown): ValidateFunction {
    if (this.#prepared.refs.size > 0 && countValues(document, mostExplainedValues) > mostExplainedValues)
      return this.#first;
    this.#all ??= compile(this.#prepared, this.#draft, this.#budget, true);
    return this.#all;
  }
}

function compile(
  { schema, patterns, refs, dynamic }: Prepared,
  draft: Draft,
  budget: Budget,
  allErrors: boolean,
): ValidateFunction {
  const ajv = draft.create({
    strict: false,
    allErrors,
    ownProperties: true,
    $data: false,
    // Already checked; and inlining large definitions at each reference would multiply the code.
    validateSchema: false,
    // But a dynamic reference that is inlined leads elsewhere.
    inlineRefs: dynamic ? false : 30,
    logger: false,
    // Optimizing doubles the time to compile and gains nothing measurable.
    code: { optimize: false, regExp: linearRegExps(patterns, budget.spend) },
  });
  addFormats(ajv);
  correctKeywords(ajv);
  countReferences(ajv, budget);
  checkInherited(refs, schema);
  try {
    // A schema may contain schemas; ajv overflows the stack unless it has compiled the meta-schema before.
    if ([...refs.keys()].some((ref) => /^https?:\/\/json-schema\.org\//.test(ref))) ajv.getSchema(draft.uri);
    return ajv.compile(schema);
  } catch (error) {
    if (error instanceof BusError) throw error;
    if (error instanceof MissingRefError) throw missingRef(error, refs);
    if (error instanceof RangeError) {
      throw invalidSchema('', 'it refers to itself without end, or it is too large to compile', error);
    }
    throw invalidSchema('', error instanceof Error ? error.message : String(error), error);
  }
}

function checkAgainstMetaSchema({ schema }: Prepared, draft: Draft): void {
  const meta = draft.meta();
  // The URI is known to be this draft's, in one spelling or another; the meta-schema has no say in it.
  if (meta(schema) === true) return;
  const deepest = (meta.errors ?? []).reduce((a, b) => (b.instancePath.length > a.instancePath.length ? b : a));
  const { violations } = explainErrors([deepest], 1);
  throw invalidSchema(deepest.instancePath, `it ${violations[0]?.message ?? 'is refused'} (${draft.name})`);
}

function missingRef({ missingRef: resolved }: MissingRefError, refs: ReadonlyMap<string, string>): BusError {
  const fragment = resolved.slice(resolved.indexOf('#'));
  const stated = [...refs.keys()].find((ref) => resolved === ref || resolved.endsWith(ref)) ?? resolved;
  const place = refs.get(stated) ?? refs.get(fragment) ?? '';
  const shown = JSON.stringify(stated.slice(0, 200));
  return stated.startsWith('#')
    ? invalidSchema(place, `the reference ${shown} leads nowhere`)
    : invalidSchema(
        place,
        `the reference ${shown} leads to another document; those are never fetched: copy it into $defs`,
      );
}

/** ajv looks names up in plain objects, and so takes `constructor` for a definition that accepts everything. */
function checkInherited(refs: ReadonlyMap<string, string>, schema: Record<string, unknown> | boolean): void {
  for (const [ref, place] of refs) {
    const tokens = ref.replace(/^#\//, '').split('/');
    if (!tokens.some((token) => token in Object.prototype)) continue;
    let found: unknown = ref.startsWith('#/') ? schema : undefined;
    for (const token of tokens) found = isObject(found) && Object.hasOwn(found, token) ? found[token] : undefined;
    if (found === undefined) throw invalidSchema(place, `the reference ${JSON.stringify(ref)} leads nowhere`);
  }
}
