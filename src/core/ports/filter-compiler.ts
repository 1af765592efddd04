import type { LogRecord } from '../model.js';

/** Makes filters of texts. */
export interface FilterCompiler {
  /** Throws FILTER_INVALID, with the place in the text. Equal texts may share one filter. */
  compile(expression: string): RecordFilter;
}

/** A filter, ready to be asked. It keeps nothing of the records. */
export interface RecordFilter {
  /**
   * Whether a record matches. Bounded: it takes a number of steps at most, however large the record is. Beside that a payload is parsed as a whole, where
   * the filter asks for it. Never throws.
   */
  matches(candidate: Candidate): boolean | Undecided;
}

/** A record that is asked about. */
export interface Candidate {
  readonly topic: string;
  readonly partition: number;
  readonly record: LogRecord;
  readonly kind: 'json' | 'not_json' | 'tombstone' | 'none';
}

/** There is no answer: the filter has `failed` (a field is missing, or is of another type), or it was `stopped` because it took too many steps. */
export interface Undecided {
  readonly outcome: 'failed' | 'stopped';
  /** Why, in words, and where in the expression. */
  readonly message: string;
}
