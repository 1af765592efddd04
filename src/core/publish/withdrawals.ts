const listening = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `withdraw` when the signal aborts, unless the function that it returns was called before. All who ask share one listener: a stream has one signal
 * for all of its batches, and a listener of its own costs each of them more than the rest of queueing it.
 */
export function onAbort(signal: AbortSignal, withdraw: () => void): () => void {
  let all = listening.get(signal);
  if (!all) {
    const listeners = new Set<() => void>();
    signal.addEventListener(
      'abort',
      () => {
        for (const listener of listeners) listener();
      },
      { once: true },
    );
    listening.set(signal, listeners);
    all = listeners;
  }
  all.add(withdraw);
  return () => void all.delete(withdraw);
}
