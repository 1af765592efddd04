export { schemaLimits } from '../../core/schema/form/limits.js';
export { createSchemaCompiler } from './compiler.js';
export { createSchemaJudge } from './judge.js';
