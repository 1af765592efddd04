/** How something that the bus depends on is: for `/readyz`, logs and decisions. Changes in place. */
export interface DependencyStatus {
  /** `kafka localhost:9092`, say. No secrets. */
  readonly name: string;
  /** `connecting` until it answered for the first time. */
  readonly state: 'connecting' | 'up' | 'down';
  /** Why it is not up, in words. */
  readonly detail: string | undefined;
  /** Milliseconds since 1970 of the last change. */
  readonly since: number;
  /** Calls back after each change of state, until the returned function is called. */
  onChange(listener: (status: DependencyStatus) => void): () => void;
}

/** A DependencyStatus with a handle for the driver that keeps it. */
export class MutableStatus implements DependencyStatus {
  state: DependencyStatus['state'] = 'connecting';
  detail: string | undefined;
  since = Date.now();
  readonly #listeners = new Set<(status: DependencyStatus) => void>();

  constructor(readonly name: string) {}

  /** Says once per change of state; a repeated `down` only renews the detail. */
  set(state: DependencyStatus['state'], detail?: string): void {
    this.detail = detail;
    if (state === this.state) return;
    this.state = state;
    this.since = Date.now();
    for (const listener of this.#listeners) listener(this);
  }

  onChange(listener: (status: DependencyStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
