import { writeExact } from '../numbers/exact-json.js';
import type { CompiledSchema, ExplainedViolation, Explanation, SchemaCompiler } from '../ports/schema-compiler.js';
import { createBudget, Undecided } from './budget.js';
import { createEvaluate } from './evaluate.js';
import { finiteDocuments } from './finite-documents.js';
import { pointerTo } from './form/limits.js';
import { parseSchema } from './form/parse.js';
import { findResources } from './form/resources.js';
import { harvest } from './harvest.js';
import { isObject } from './json.js';
import { none, type Outcome } from './outcome.js';
import { createRuleBook } from './rule-book.js';
import type { Reading } from './rules.js';
import { openSchema } from './schema-document.js';
import { shrink } from './shrink.js';
import { searchValue } from './solver.js';
import { createOracle } from './text-oracle.js';
import { createTranslator } from './translate.js';

/** Whether every document that is valid under one schema is valid under another. */
export type Verdict =
  /** Every one is: proved. */
  | { readonly kind: 'compatible' }
  /** This one is not. */
  | { readonly kind: 'incompatible'; readonly counterexample: Counterexample }
  /** Neither proved nor refuted. */
  | {
      readonly kind: 'undecided';
      readonly stoppedBy: StoppedBy;
    };

/** What stopped the reasoning. */
interface StoppedBy {
  /** A keyword; or `budget`, where the steps are used up. */
  readonly keyword: string;
  /** Where that keyword stands: the first such place, the newer schema before the older one. Undefined for `budget`. */
  readonly place: { readonly schema: SchemaRole; readonly pointer: string } | undefined;
}

/** The schema that is proposed, or the version that it is compared with. */
export type SchemaRole = 'proposed' | 'version';

/** A document that one schema accepts and the other refuses, according to both compiled validators. */
interface Counterexample {
  /** JSON. Nothing can be removed from it without changing that, unless it is very large. */
  readonly document: string;
  /** JSON Pointer into the document: where it is refused. */
  readonly pointer: string;
  /** What refuses it. */
  readonly refusedBy: {
    /** JSON Pointer into the schema that refuses: to the keyword. */
    readonly pointer: string;
    readonly keyword: string;
    /** What the keyword asks for: `must be one of "a", "b"`. */
    readonly message: string;
  };
}

/** A schema's text (UTF-8 JSON) and its validator. */
export interface CheckedSchema {
  readonly role: SchemaRole;
  readonly definition: string;
  readonly compiled: CompiledSchema;
}

export interface Containment {
  readonly verdict: Verdict;
  /** Reasoning steps taken. */
  readonly steps: number;
}

/** What running both validators counts as. */
const judgingSteps = 10;

/**
 * Decides whether every document that `from` accepts is accepted by `to`. Not considered are documents so costly that a validator gives up on
 * them. Never throws for schemas that the compiler accepted.
 *
 * @param steps how many reasoning steps it may take.
 */
export function decideContainment(
  compiler: SchemaCompiler,
  from: CheckedSchema,
  to: CheckedSchema,
  reading: Reading,
  steps: number,
): Containment {
  const budget = createBudget(steps);
  const left = openSchema(from.definition, reading);
  const right = openSchema(to.definition, 'strict');
  if (left.draft === right.draft && left.text === right.text) return { verdict: { kind: 'compatible' }, steps: 0 };
  const translator = createTranslator(createRuleBook());
  const hints = harvest([left.root.schema, right.root.schema]);
  const oracle = createOracle(compiler, hints.asked);
  let doubted = 'schema';
  const evaluate = createEvaluate(translator, oracle, budget, (keyword) => {
    doubted = keyword;
  });
  const tools = { translator, evaluate, oracle, hints, budget, doubted: () => doubted };
  const isCounterexample = (document: unknown) => from.compiled.accepts(document) && !to.compiled.accepts(document);
  const judge = (document: unknown) => {
    budget.spend(judgingSteps);
    return isCounterexample(document);
  };
  const outcome = withinBudget((): Outcome => {
    const older = translator.position(left.root, left.root.schema);
    const documents = finiteDocuments(translator, older);
    if (documents !== undefined) {
      const value = documents.find(judge);
      return value === undefined ? none : { kind: 'some', value };
    }
    return searchValue(tools, [older, -translator.schema(right.root, right.root.schema)], judge);
  });
  if (outcome.kind === 'none') return { verdict: { kind: 'compatible' }, steps: budget.spent };
  if (outcome.kind === 'unknown') {
    const stoppedBy = { keyword: outcome.keyword, place: findKeyword(outcome.keyword, [to, from]) };
    return { verdict: { kind: 'undecided', stoppedBy }, steps: budget.spent };
  }
  const document = shrink(outcome.value, isCounterexample);
  const counterexample = { document: writeExact(document), ...refusal(to.compiled.explain(document, 1)) };
  return { verdict: { kind: 'incompatible', counterexample }, steps: budget.spent };
}

function findKeyword(keyword: string, schemas: readonly CheckedSchema[]): StoppedBy['place'] {
  for (const { role, definition } of schemas) {
    for (const { schema, pointer } of findResources(parseSchema(definition)).spots.values()) {
      if (isObject(schema) && Object.hasOwn(schema, keyword))
        return { schema: role, pointer: pointerTo(pointer, keyword) };
    }
  }
  return undefined;
}

function withinBudget(search: () => Outcome): Outcome {
  try {
    return search();
  } catch (error) {
    if (error instanceof Undecided) return { kind: 'unknown', keyword: error.keyword };
    // Rules that are nested deeper than the stack.
    if (error instanceof RangeError) return { kind: 'unknown', keyword: 'budget' };
    throw error;
  }
}

const unexplained: ExplainedViolation = { pointer: '', schemaPointer: '', rule: 'schema', message: 'is refused' };

function refusal({ violations }: Explanation): Omit<Counterexample, 'document'> {
  const { pointer, schemaPointer, rule, message } = violations[0] ?? unexplained;
  return { pointer, refusedBy: { pointer: schemaPointer, keyword: rule, message } };
}
