import type { Violation } from '../errors.js';
import type { PayloadScan } from '../schema-scan/index.js';

/** Compiles JSON Schemas; remote references are never fetched. */
export interface SchemaCompiler {
  /** From the schema's text (UTF-8 JSON, at most 512 KiB, nested at most 64 deep). Throws SCHEMA_INVALID, saying what to change. */
  compile(definition: string): CompiledSchema;
}

/** A schema that is ready for use. */
export interface CompiledSchema {
  /**
   * Whether the schema accepts a parsed document. Stops at the first violation; never throws.
   *
   * @param exact false where the document is known to hold no ExactNumber, so that it is not searched for one
   */
  accepts(document: unknown, exact?: boolean): boolean;
  /** The short way to the same, from a payload's bytes; for a topic with this key pointer. The same for each call with the same pointer. */
  scan(keyPointer: string | undefined): PayloadScan;
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
