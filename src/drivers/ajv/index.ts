export { createSchemaCompiler } from './compiler.js';
export { schemaLimits } from './limits.js';
