export type { Verdict } from './containment.js';
export { type CompatibilityLevel, type CompatibilityReport, checkCompatibility } from './levels.js';
export type { Reading } from './rules.js';
