import { BusError } from '../../src/core/errors.js';
import type { SchemaCompiler } from '../../src/core/ports/schema-compiler.js';
import type { SchemaJudge } from '../../src/core/ports/schema-judge.js';
import { checkCompatibility } from '../../src/core/schema/index.js';
import { validatePayloads } from '../../src/core/schema-registry/validate-payloads.js';

/** The judge without its threads: the same code, which keeps the test's own thread busy. */
export function inlineJudge(compiler: SchemaCompiler): SchemaJudge {
  async function answer<T>(signal: AbortSignal, work: () => T): Promise<T> {
    if (signal.aborted) throw BusError.from(signal.reason);
    return work();
  }
  return {
    compile: (definition, signal) => answer(signal, () => void compiler.compile(definition)),
    compare: (request, signal) => answer(signal, () => checkCompatibility(compiler, request)),
    validate: (request, signal) =>
      answer(signal, () => validatePayloads(compiler.compile(request.definition), request)),
    close: async () => undefined,
  };
}
