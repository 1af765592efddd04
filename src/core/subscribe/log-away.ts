import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import { retry } from '../retry.js';

/** Waits out an unavailable log, with growing pauses of up to 5 s, until the signal aborts. Throws its reason, and what is not a matter of waiting. */
export function waitOutLog<T>(clock: Clock, act: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return retry(act, { clock, signal, maxMs: 5_000, retries: isLogAway });
}

export function isLogAway(error: unknown): boolean {
  return error instanceof BusError && error.reason === 'LOG_UNAVAILABLE';
}
