import { type Clock, systemClock } from './clock.js';

/** How something that the bus depends on is: for `/readyz`, logs and decisions. Changes in place. */
export interface DependencyStatus {
  /** `kafka localhost:9092`, say. No secrets. */
  readonly name: string;
  /** `connecting` until it answered for the first time; `impaired` while it answers, but does not do a part of its work. */
  readonly state: 'connecting' | 'up' | 'impaired' | 'down';
  /** Why it is not up, in words. */
  readonly detail: string | undefined;
  /** Milliseconds since 1970 of the last change. */
  readonly since: number;
  /** Calls back after each change of state, and when a first attempt to connect has failed, until the returned function is called. */
  onChange(listener: (status: DependencyStatus) => void): () => void;
}

/** A status under another name: one store may be two dependencies. */
export function statusNamed(name: string, status: DependencyStatus): DependencyStatus {
  const named: DependencyStatus = {
    name,
    get state() {
      return status.state;
    },
    get detail() {
      return status.detail;
    },
    get since() {
      return status.since;
    },
    onChange: (listener) => status.onChange(() => listener(named)),
  };
  return named;
}

/** A DependencyStatus with a handle for the driver that keeps it. */
export class MutableStatus implements DependencyStatus {
  state: DependencyStatus['state'] = 'connecting';
  detail: string | undefined;
  since: number;
  readonly #listeners = new Set<(status: DependencyStatus) => void>();

  constructor(
    readonly name: string,
    readonly clock: Pick<Clock, 'wallTime'> = systemClock,
  ) {
    this.since = clock.wallTime();
  }

  /** Says once per change of state, and once why it is still connecting; after that a repetition only renews the detail. */
  set(state: DependencyStatus['state'], detail?: string): void {
    const isNews = state !== this.state || (this.detail === undefined && detail !== undefined && state !== 'up');
    this.detail = detail;
    if (!isNews) return;
    if (state !== this.state) this.since = this.clock.wallTime();
    this.state = state;
    for (const listener of this.#listeners) listener(this);
  }

  onChange(listener: (status: DependencyStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
