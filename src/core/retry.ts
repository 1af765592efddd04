import type { Clock } from './ports/clock.js';

export interface RetryOptions {
  readonly clock: Clock;
  /** Ends it: rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** The longest pause, in milliseconds. */
  readonly maxMs: number;
  /** Whether waiting may cure this; what it may not cure rejects. */
  retries(error: unknown): boolean;
}

const firstPauseMs = 100;

/**
 * Acts until it succeeds, however long that takes. The pauses grow from 100 to 200 ms, each twice the one before up to the longest, with a
 * random part so that many who wait for the same thing do not come back all at once.
 */
export async function retry<T>(act: () => Promise<T>, { clock, signal, maxMs, retries }: RetryOptions): Promise<T> {
  for (let pause = firstPauseMs; ; pause = Math.min(maxMs, pause * 2)) {
    signal.throwIfAborted();
    try {
      const result = await act();
      signal.throwIfAborted();
      return result;
    } catch (error) {
      if (!retries(error)) throw error;
    }
    await clock.sleep(Math.min(maxMs, pause * (1 + clock.random())), signal);
  }
}
