/**
 * Calls back `total` times at a steady rate, with the moment at which each was due: who is late does not delay the ones after it, and a
 * latency that is counted from there contains the wait (no "coordinated omission").
 */
export async function openLoop(
  perSecond: number,
  total: number,
  fire: (number: number, dueAt: number) => void,
): Promise<void> {
  const interval = 1000 / perSecond;
  // What was left by those before is not to be collected meanwhile.
  globalThis.gc?.();
  const start = performance.now() + 5;
  for (let number = 0; number < total; ) {
    const now = performance.now();
    for (; number < total && start + number * interval <= now; number++) fire(number, start + number * interval);
    // A timer's lateness shows on both sides of a comparison; spinning would take the core from the broker beside us.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
