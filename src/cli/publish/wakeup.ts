/** Lets one waiter sleep until something changed; a change while nobody waits is remembered. */
export class Wakeup {
  #resolve: (() => void) | undefined;
  #pending = false;

  wake(): void {
    if (this.#resolve) {
      this.#resolve();
      this.#resolve = undefined;
    } else {
      this.#pending = true;
    }
  }

  async wait(): Promise<void> {
    if (!this.#pending) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
    }
    this.#pending = false;
  }
}
