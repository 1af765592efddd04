export { adviseOn } from './advice.js';
export type { Verdict } from './containment.js';
export { findExample } from './example.js';
export { canonicalSchema } from './form/canonical-schema.js';
export { findReferences, freezeReferences } from './form/freeze.js';
export { type SchemaReference, schemaUri } from './form/registered.js';
export {
  type Comparison,
  type CompatibilityLevel,
  type CompatibilityReport,
  type CompatibilityRequest,
  checkCompatibility,
} from './levels.js';
export type { Reading } from './rules.js';
