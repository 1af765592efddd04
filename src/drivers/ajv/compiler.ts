import { MissingRefError, type ValidateFunction } from 'ajv';
import { BusError } from '../../core/errors.js';
import type { CompiledSchema, Explanation, SchemaCompiler } from '../../core/ports/schema-compiler.js';
import { invalidSchema } from '../../core/schema/form/limits.js';
import { normalForm } from '../../core/schema/form/normal-form.js';
import type { ParsedSchema } from '../../core/schema/form/parse.js';
import { isObject } from '../../core/schema/json.js';
import { type PayloadScan, payloadScan } from '../../core/schema-scan/index.js';
import { Budget, countReferences, TooCostly } from './budget.js';
import { type Dialect, dialects } from './drafts.js';
import { addFormats } from './formats.js';
import { countValues } from './json.js';
import { correctKeywords } from './keywords.js';
import { type Prepared, prepareSchema } from './prepare.js';
import { linearRegExps } from './regexp.js';
import { explainErrors, messageOf } from './violations.js';

/** With references ajv collects errors in quadratic time: above this many values only the first violation is told. */
const mostExplainedValues = 5_000;

/**
 * JSON Schema draft-07, 2019-09 and 2020-12 (where `$schema` is absent), in normal form (`core/schema/form`). Formats are asserted, unknown keywords
 * and formats are annotations, regular expressions are those of ECMAScript without lookaround and back-references, members are own members
 * only, numbers are compared and divided as decimals, exactly. References reach only into the same schema.
 */
export function createSchemaCompiler(): SchemaCompiler {
  return {
    compile: (definition) => new Compiled(definition, prepareSchema(definition, checkAgainstMetaSchema)),
  };
}

class Compiled implements CompiledSchema {
  readonly #prepared: Prepared;
  readonly #dialect: Dialect;
  readonly #budget = new Budget();
  readonly #first: ValidateFunction;
  #all: ValidateFunction | undefined;
  #scan: { readonly keyPointer: string | undefined; readonly scan: PayloadScan } | undefined;

  constructor(
    readonly definition: string,
    prepared: Prepared,
  ) {
    this.#prepared = prepared;
    this.#dialect = dialects[prepared.draft];
    this.#first = compile(prepared, this.#dialect, this.#budget, false);
  }

  accepts(document: unknown, exact = true): boolean {
    try {
      const entered = exact ? this.#prepared.standIns.enter(document) : document;
      this.#budget.start(entered);
      return this.#first(entered) === true;
    } catch {
      // It takes too long; `explain` says so.
      return false;
    } finally {
      this.#budget.end();
      if (exact) this.#prepared.standIns.leave();
    }
  }

  scan(keyPointer: string | undefined): PayloadScan {
    // A topic has one.
    if (this.#scan?.keyPointer !== keyPointer || this.#scan === undefined) {
      const schema = this.#prepared.hasStandIns ? normalForm(this.definition) : this.#prepared;
      this.#scan = { keyPointer, scan: payloadScan(schema, keyPointer) };
    }
    return this.#scan.scan;
  }

  explain(stated: unknown, most: number): Explanation {
    const { standIns, pointers } = this.#prepared;
    try {
      const document = standIns.enter(stated);
      this.#budget.start(document);
      const validate = this.#explainer(document);
      if (validate(document) === true) return { violations: [], total: 0 };
      const errors = validate.errors ?? [];
      validate.errors = null;
      return explainErrors(errors, most, pointers, (value) => standIns.shown(value));
    } catch (error) {
      const why =
        error instanceof TooCostly
          ? 'it takes too long, since the schema refers to itself in too many ways or has a costly regular expression'
          : 'the schema fails on this document';
      const message = `cannot be checked: ${why}`;
      return { violations: [{ pointer: '', schemaPointer: '', rule: 'schema', message }], total: 1 };
    } finally {
      this.#budget.end();
      standIns.leave();
    }
  }

  #explainer(document: unknown): ValidateFunction {
    if (this.#prepared.refs.size > 0 && countValues(document, mostExplainedValues) > mostExplainedValues)
      return this.#first;
    this.#all ??= compile(this.#prepared, this.#dialect, this.#budget, true);
    return this.#all;
  }
}

function compile(
  { schema, patterns, refs, unevaluated, standIns }: Prepared,
  dialect: Dialect,
  budget: Budget,
  explains: boolean,
): ValidateFunction {
  const ajv = dialect.create({
    strict: false,
    allErrors: explains,
    // So that errors tell which schema they come from.
    verbose: explains,
    ownProperties: true,
    $data: false,
    // Already checked; and inlining large definitions at each reference would multiply the code.
    validateSchema: false,
    inlineRefs: 30,
    logger: false,
    // Optimizing doubles the time to compile and gains nothing measurable.
    code: { optimize: false, regExp: linearRegExps(patterns, budget.spend) },
  });
  // Where nothing asks for it, what has been evaluated need not be kept account of.
  ajv.opts.unevaluated = unevaluated;
  addFormats(ajv, standIns);
  correctKeywords(ajv, standIns);
  countReferences(ajv, budget);
  try {
    // A schema may contain schemas; ajv overflows the stack unless it has compiled the meta-schema before.
    if ([...refs.keys()].some((ref) => /^https?:\/\/json-schema\.org\//.test(ref))) ajv.getSchema(dialect.uri);
    return ajv.compile(schema);
  } catch (error) {
    if (error instanceof BusError) throw error;
    if (error instanceof MissingRefError) throw missingRef(error, refs);
    if (error instanceof RangeError) throw invalidSchema('', 'it is too large to compile', error);
    throw invalidSchema('', error instanceof Error ? error.message : String(error), error);
  }
}

function checkAgainstMetaSchema({ schema, draft }: ParsedSchema): void {
  const stated = isObject(schema) && schema.$schema !== undefined ? '' : ', which applies where $schema is absent';
  const meta = dialects[draft].meta();
  // The URI is known to be this draft's, in one spelling or another; the meta-schema has no say in it.
  if (meta(schema) === true) return;
  const deepest = (meta.errors ?? []).reduce((a, b) => (b.instancePath.length > a.instancePath.length ? b : a));
  throw invalidSchema(deepest.instancePath, `it ${messageOf(deepest)} (${draft}${stated})`);
}

/** Only the drafts' own schemas are looked for elsewhere. */
function missingRef({ missingRef: resolved }: MissingRefError, refs: ReadonlyMap<string, string>): BusError {
  const [stated, place] = [...refs].find(([ref]) => resolved === ref || resolved.endsWith(ref)) ?? [resolved, ''];
  return invalidSchema(place, `the reference ${JSON.stringify(stated.slice(0, 200))} leads nowhere in this draft`);
}
