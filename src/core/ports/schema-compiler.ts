import type { Violation } from '../errors.js';

/** Compiles JSON Schemas; remote references are never fetched. */
export interface SchemaCompiler {
  /** From the schema's text (UTF-8 JSON, at most 512 KiB, nested at most 64 deep). Throws SCHEMA_INVALID, saying what to change. */
  compile(definition: string): CompiledSchema;
}

/** A schema that is ready for use. */
export interface CompiledSchema {
  /** Whether the schema accepts a parsed document. Stops at the first violation; never throws. */
  accepts(document: unknown): boolean;
  /** What it refuses in a document: at most `most` violations, and how many there are in all. Empty if it accepts. */
  explain(document: unknown, most: number): Explanation;
}

export interface Explanation {
  readonly violations: readonly ExplainedViolation[];
  readonly total: number;
}

export interface ExplainedViolation extends Omit<Violation, 'event'> {
  /** JSON Pointer into the schema: the keyword that refuses. */
  readonly schemaPointer: string;
}
