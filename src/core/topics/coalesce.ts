/**
 * Runs work per key, one at a time. Callers get a run that starts after their call, so that it sees what happened before; those who
 * wait for the same key share one.
 */
export class Coalesced<T = void> {
  readonly #runs = new Map<string, Run<T>>();

  constructor(readonly work: (key: string) => Promise<T>) {}

  /** How many keys are being worked on. */
  get size(): number {
    return this.#runs.size;
  }

  run(key: string): Promise<T> {
    const running = this.#runs.get(key);
    if (running === undefined) return this.#start(key);
    running.next ??= running.active.then(
      () => this.#start(key),
      () => this.#start(key),
    );
    return running.next;
  }

  #start(key: string): Promise<T> {
    const active = this.work(key).finally(() => {
      if (run.next === undefined) this.#runs.delete(key);
    });
    const run: Run<T> = { active };
    this.#runs.set(key, run);
    return active;
  }
}

interface Run<T> {
  readonly active: Promise<T>;
  next?: Promise<T>;
}

/** Runs `work` for each item, so many at a time; rejects with the first failure after the running ones are done. */
export async function forEachLimited<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    for (let next = iterator.next(); !next.done && failure === undefined; next = iterator.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  if (failure !== undefined) throw failure.error;
}
