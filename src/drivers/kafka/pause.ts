import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, or rejects with the signal's reason once it aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    signal.throwIfAborted();
  }
}

/** Grows from 50 ms to `most`, with some jitter, so that many instances do not come back at the same moment. */
export function backoff(attempt: number, most: number): number {
  return Math.min(most, 50 * 2 ** Math.min(attempt, 10)) * (0.75 + Math.random() / 2);
}

/** The promise's outcome, or the signal's reason as soon as it aborts. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
