import { BusError, type Violation } from '../../../../core/errors.js';
import type { EventResult } from '../../../../core/publish/command.js';
import type { Line } from './split.js';

/** What an upload has come to: the members of its summary. */
export interface Summary {
  /** Lines that were taken, blank ones included: up to this one what is not listed is stored, and nothing after it is. */
  readonly lines: number;
  /** Stored. */
  readonly accepted: number;
  /** Invalid. */
  readonly rejected: number;
  /** Valid and not stored; sending them again is safe. */
  readonly notStored: number;
  /** They may be stored or not. */
  readonly unknown: number;
  readonly warnings: readonly string[];
}

/** Counts what becomes of lines, and remembers what was wrong first. */
export interface Tally {
  add(line: Line, result: EventResult): void;
  warn(warning: string): void;
  summary(lines: number): Summary;
  /** Where no line was accepted: why, as one error; the violations have the lines they concern. Undefined where there is nothing to blame. */
  readonly refusal: BusError | undefined;
  readonly violations: readonly (Omit<Violation, 'event'> & { readonly line: number })[];
}

const maxViolations = 50;
const maxWarnings = 10;

export function createTally(): Tally {
  const counts = { stored: 0, rejected: 0, not_stored: 0, unknown: 0 };
  const warnings = new Set<string>();
  const violations: (Omit<Violation, 'event'> & { readonly line: number })[] = [];
  let first: { readonly line: number; readonly error: BusError } | undefined;
  return {
    add({ number: line }, result) {
      counts[result.status]++;
      if (result.status === 'stored') return;
      const { error } = result;
      first ??= { line, error };
      for (const { pointer, rule, message } of error.violations) {
        if (violations.length < maxViolations) violations.push({ line, pointer, rule, message });
      }
    },
    warn(warning) {
      if (warnings.size < maxWarnings) warnings.add(warning);
    },
    summary: (lines) => ({
      lines,
      accepted: counts.stored,
      rejected: counts.rejected,
      notStored: counts.not_stored,
      unknown: counts.unknown,
      warnings: [...warnings],
    }),
    violations,
    get refusal() {
      if (first === undefined) return undefined;
      const { line, error } = first;
      const others = counts.rejected + counts.not_stored + counts.unknown - 1;
      const more = others > 0 ? `; and ${others} more line${others > 1 ? 's' : ''}` : '';
      const message = `no line was accepted: line ${line}: ${lineMessage(error)}${more}`;
      const { metadata, retryAfterMs } = error;
      return new BusError(error.reason, message, { metadata, ...(retryAfterMs !== undefined && { retryAfterMs }) });
    },
  };
}

/** An event's message without its index in a batch, of which the client knows nothing. */
export function lineMessage({ message }: BusError): string {
  return message.replace(/^event \d+: /, '');
}
