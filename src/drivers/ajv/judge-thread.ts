import { parentPort } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { BusError } from '../../core/errors.js';
import type { CompiledSchema, SchemaCompiler } from '../../core/ports/schema-compiler.js';
import { checkCompatibility } from '../../core/schema/index.js';
import { validatePayloads } from '../../core/schema-registry/validate-payloads.js';
import { createSchemaCompiler } from './compiler.js';
import { type Answer, type Job, unpack } from './judge-jobs.js';

/** One call compares one schema with many, and validates many ranges of events against it. */
const compiled = new LRUCache<string, CompiledSchema>({ max: 8 });
const ajv = createSchemaCompiler();
const compiler: SchemaCompiler = {
  compile(definition) {
    const known = compiled.get(definition);
    if (known !== undefined) return known;
    const schema = ajv.compile(definition);
    compiled.set(definition, schema);
    return schema;
  },
};

function answer(job: Job): Answer {
  switch (job.kind) {
    case 'compile':
      compiler.compile(job.definition);
      return { kind: 'compiled' };
    case 'compare':
      return { kind: 'compared', report: checkCompatibility(compiler, job.request) };
    case 'validate': {
      const request = unpack(job.request);
      return { kind: 'validated', refusals: validatePayloads(compiler.compile(request.definition), request) };
    }
  }
}

parentPort?.on('message', (job: Job) => {
  let result: Answer;
  try {
    result = answer(job);
  } catch (error) {
    const { reason, message, metadata } = BusError.from(error);
    const cause = reason === 'INTERNAL' && error instanceof Error ? error.stack : undefined;
    result = { kind: 'failed', reason, message, metadata, cause };
  }
  parentPort?.postMessage(result);
});
