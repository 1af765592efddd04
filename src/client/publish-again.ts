import { backoffMs, pause } from './backoff.js';
import { MainstemError } from './errors.js';

export interface PublishAgain {
  /** How long, from the first attempt on, another one may begin. Milliseconds. */
  readonly forMs: number;
  /** Each event has an id, or the call an idempotency key: what may be stored or not may be sent again. */
  readonly isIdentified: boolean;
  /** Ends it: the last error is thrown. */
  readonly signal: AbortSignal;
}

/** Reasons after which something of the call may be stored. */
const mayBeStored = new Set(['PARTIALLY_STORED', 'STORE_OUTCOME_UNKNOWN', 'CONNECTION_LOST', 'DEADLINE_EXCEEDED']);

/**
 * Calls again what failed retryably, after the server's delay or a growing one. Without an identity only where nothing of the call can
 * have been stored: it is never stored twice by being tried again.
 */
export async function publishAgain<T>(
  call: () => Promise<T>,
  { forMs, isIdentified, signal }: PublishAgain,
): Promise<T> {
  const began = performance.now();
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (thrown) {
      if (!(thrown instanceof MainstemError)) throw thrown;
      const passes = thrown.retryable || (isIdentified && thrown.reason === 'DEADLINE_EXCEEDED');
      if (!passes || (!isIdentified && mayBeStored.has(thrown.reason))) throw thrown;
      const delayMs = Math.max(thrown.retryDelayMs ?? 0, backoffMs(attempt));
      if (performance.now() - began + delayMs > forMs) throw thrown;
      await pause(delayMs, signal);
      if (signal.aborted) throw thrown;
    }
  }
}
