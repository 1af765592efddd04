import { BusError, type PublishOutcome } from '../errors.js';
import type { EventResult, PublishMode } from './command.js';

/** Gathers the results of one call's events, and decides what the call as a whole comes to. */
export interface Call {
  readonly mode: PublishMode;
  readonly results: Promise<EventResult[]>;
  settle(event: number, result: EventResult): void;
  /** Ends the call now; what settles later is not waited for. */
  abort(error: BusError): void;
}

export function createCall(mode: PublishMode, events: number): Call {
  const results = new Array<EventResult>(events);
  let open = events;
  let resolve: (results: EventResult[]) => void = () => undefined;
  let reject: (error: BusError) => void = () => undefined;
  const promise = new Promise<EventResult[]>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return {
    mode,
    results: promise,
    settle(event, result) {
      if (results[event]) return;
      results[event] = result;
      if (--open > 0) return;
      const failure = mode === 'all_or_nothing' ? failureOf(results) : undefined;
      if (failure) reject(failure);
      else resolve(results);
    },
    abort: reject,
  };
}

/** The error of an `all_or_nothing` call of which not every event was stored; undefined if all were. */
function failureOf(results: readonly EventResult[]): BusError | undefined {
  let first: BusError | undefined;
  const stored: { event: number; partition: number; offset: number }[] = [];
  const unknown: number[] = [];
  results.forEach((result, event) => {
    if (result.status === 'stored') {
      stored.push({ event, partition: result.partition, offset: result.offset });
      return;
    }
    if (result.status === 'unknown') unknown.push(event);
    if (!first || weightOf(result.error) > weightOf(first)) first = result.error;
  });
  if (!first) return undefined;
  if (stored.length === 0 && unknown.length === 0) return first;
  const outcome: PublishOutcome = { events: results.length, stored, unknown };
  const lost = results.length - stored.length - unknown.length;
  if (stored.length === 0 && lost === 0) {
    return new BusError('STORE_OUTCOME_UNKNOWN', `it is not known whether the events were stored: ${first.message}`, {
      cause: first,
      outcome,
      ...retryOf(first),
    });
  }
  return new BusError(
    'PARTIALLY_STORED',
    `of ${results.length} events ${stored.length} are stored, ${lost} are not, ${unknown.length} are uncertain: ${first.message}`,
    {
      cause: first,
      outcome,
      ...retryOf(first),
      isFinal: weightOf(first) === weights.final,
      metadata: { first_reason: first.reason },
    },
  );
}

const weights = { consequence: 0, passing: 1, final: 2 };

/** How much the failure of one event says about its call: one event that can never be stored keeps the whole call from ever succeeding. */
function weightOf({ reason, retryable }: BusError): number {
  if (reason === 'STREAM_HALTED') return weights.consequence;
  const passes = retryable || reason === 'CANCELLED' || reason === 'DEADLINE_EXCEEDED';
  return passes ? weights.passing : weights.final;
}

function retryOf(error: BusError): { retryAfterMs?: number } {
  return error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs };
}
