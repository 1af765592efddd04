/** How long to wait before attempts that follow a failure. */
export interface BackoffOptions {
  /** Milliseconds before the first repetition; default 250. */
  readonly firstMs?: number | undefined;
  /** Milliseconds that the wait grows to; default 10,000. */
  readonly longestMs?: number | undefined;
}

/**
 * The wait before repetition number `attempt` (from 0): doubles each time, up to the longest, and differs by up to a quarter either way, so that
 * clients that were cut off together do not come back together.
 */
export function backoffMs(attempt: number, { firstMs = 250, longestMs = 10_000 }: BackoffOptions = {}): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(attempt, 20)) * (0.75 + Math.random() / 2);
}

/** Waits; ends early, and without an error, with the signal. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
