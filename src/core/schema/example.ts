import { parseExact } from '../numbers/exact-json.js';
import type { CompiledSchema, SchemaCompiler } from '../ports/schema-compiler.js';
import { createBudget, Undecided } from './budget.js';
import { createEvaluate } from './evaluate.js';
import { finiteDocuments } from './finite-documents.js';
import { harvest } from './harvest.js';
import { isObject } from './json.js';
import { createRuleBook } from './rule-book.js';
import { openSchema } from './schema-document.js';
import { searchValue } from './solver.js';
import { createOracle } from './text-oracle.js';
import { createTranslator } from './translate.js';

/**
 * A document that a schema accepts: one of its own `examples`, or one that is found within so many reasoning steps (2,000 take 4 ms or so); undefined where none is
 * found. The compiled validator has the last word. Never throws for schemas that the compiler accepted.
 */
export function findExample(
  compiler: SchemaCompiler,
  { definition, compiled }: { readonly definition: string; readonly compiled: CompiledSchema },
  steps: number,
): unknown {
  const accepts = (document: unknown) => compiled.accepts(document);
  const own = ownExamples(definition).find(accepts);
  if (own !== undefined) return own;
  try {
    const budget = createBudget(steps);
    const { root } = openSchema(definition, 'declared');
    const translator = createTranslator(createRuleBook());
    const hints = harvest([root.schema]);
    const oracle = createOracle(compiler, hints.asked);
    const evaluate = createEvaluate(translator, oracle, budget, () => undefined);
    const tools = { translator, evaluate, oracle, hints, budget, doubted: () => 'schema' };
    const rules = translator.position(root, root.schema);
    const finite = finiteDocuments(translator, rules);
    if (finite) return finite.find(accepts);
    const outcome = searchValue(tools, [rules], accepts);
    return outcome.kind === 'some' ? outcome.value : undefined;
  } catch (error) {
    // Too many steps, or rules that are nested deeper than the stack.
    if (error instanceof Undecided || error instanceof RangeError) return undefined;
    throw error;
  }
}

function ownExamples(definition: string): readonly unknown[] {
  const schema = parseExact(definition).document;
  return isObject(schema) && Array.isArray(schema['examples']) ? schema['examples'] : [];
}
