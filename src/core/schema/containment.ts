import type { CompiledSchema, Explanation, SchemaCompiler } from '../ports/schema-compiler.js';
import { createBudget, Undecided } from './budget.js';
import { createEvaluate } from './evaluate.js';
import { finiteDocuments } from './finite-documents.js';
import { harvest } from './harvest.js';
import { endlessReference } from './in-place.js';
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
      /** The keyword that stopped the reasoning, or `budget`. */
      readonly keyword: string;
    };

/** A document that one schema accepts and the other refuses, according to both compiled validators. */
export interface Counterexample {
  /** Nothing can be removed from it without changing that. */
  readonly document: unknown;
  /** JSON Pointer into the document: where it is refused. */
  readonly pointer: string;
  /** The keyword that refuses. */
  readonly rule: string;
  readonly message: string;
}

/** A schema's text (UTF-8 JSON) and its validator. */
export interface CheckedSchema {
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
const mostEndless = 20;

/**
 * Decides whether every document that `from` accepts is accepted by `to`. Not considered are documents with numbers
 * beyond a double (1e400), and those so costly that a validator gives up on them. Never throws for schemas that the compiler accepted.
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
  const endless = endlessReference(right);
  const slow = endless ?? endlessReference(left);
  let judged = 0;
  const judge = (document: unknown) => {
    budget.spend(judgingSteps);
    // The validators only come back from an endless schema by overflowing the stack.
    if (slow !== undefined && ++judged > mostEndless) throw new Undecided(slow);
    return isCounterexample(document);
  };
  const outcome = withinBudget((): Outcome => {
    const older = translator.position(left.root, left.root.schema);
    const documents = finiteDocuments(translator, older);
    if (documents !== undefined) {
      const value = documents.find(judge);
      return value === undefined ? none : { kind: 'some', value };
    }
    const found = searchValue(tools, [older, -translator.schema(right.root, right.root.schema)], judge);
    // Whatever the rules say, such a schema refuses where it does not come to an end.
    return found.kind === 'none' && endless !== undefined ? { kind: 'unknown', keyword: endless } : found;
  });
  if (outcome.kind === 'none') return { verdict: { kind: 'compatible' }, steps: budget.spent };
  if (outcome.kind === 'unknown') {
    return { verdict: { kind: 'undecided', keyword: outcome.keyword }, steps: budget.spent };
  }
  const document = shrink(outcome.value, isCounterexample);
  const counterexample = { document, ...refusal(to.compiled.explain(document, 1)) };
  return { verdict: { kind: 'incompatible', counterexample }, steps: budget.spent };
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

function refusal({ violations }: Explanation): Omit<Counterexample, 'document'> {
  const [first] = violations;
  return first ?? { pointer: '', rule: 'schema', message: 'is refused' };
}
