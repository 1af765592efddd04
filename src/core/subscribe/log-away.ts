import pRetry from 'p-retry';
import { BusError } from '../errors.js';

/** Waits out an unavailable log, with growing pauses of up to 5 s, until the signal aborts. Throws its reason, and what is not a matter of waiting. */
export function waitOutLog<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return pRetry(act, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 100,
    maxTimeout: 5_000,
    randomize: true,
    signal,
    shouldRetry: ({ error }) => isLogAway(error),
  });
}

export function isLogAway(error: unknown): boolean {
  return error instanceof BusError && error.reason === 'LOG_UNAVAILABLE';
}
