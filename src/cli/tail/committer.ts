import { type MainstemClient, MainstemError } from '../../client/index.js';

interface Position {
  readonly cursor: string;
  readonly generation: bigint;
}

/** Commits what was written: the latest position only, one commit at a time, at most two a second. */
export class Committer {
  #pending: Position | undefined;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failure: MainstemError | undefined;

  constructor(
    private readonly client: Pick<MainstemClient, 'commit'>,
    private readonly subscriber: string,
    private readonly say: (text: string) => void,
    private readonly intervalMs = 500,
  ) {}

  /** Everything before this cursor is written. */
  written(cursor: string, generation: bigint): void {
    this.#pending = { cursor, generation };
    this.#schedule();
  }

  /** Commits what is pending now. Rejects with the reason why it is not committed. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
    await this.#commit();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending !== undefined && this.#failure) throw this.#failure;
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#running !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#commit();
    }, this.intervalMs);
  }

  async #commit(): Promise<void> {
    const position = this.#pending;
    if (position === undefined) return;
    this.#pending = undefined;
    this.#running = this.#send(position);
    await this.#running;
    this.#running = undefined;
    if (this.#pending !== undefined) this.#schedule();
  }

  /** Never rejects. */
  async #send(position: Position): Promise<void> {
    try {
      await this.client.commit({ subscriber: this.subscriber, ...position }, { timeoutMs: 10_000 });
      this.#failure = undefined;
    } catch (thrown) {
      const error = MainstemError.from(thrown);
      if (error.reason === 'FENCED') {
        this.say(`not committed: another stream of ${this.subscriber} has taken over, and gets these records again`);
        return;
      }
      if (this.#failure?.reason !== error.reason) this.say(`not committed yet: ${error.message} (${error.reason})`);
      this.#failure = error;
      // A newer position, if there is one by now, covers this one.
      this.#pending ??= position;
    }
  }
}
