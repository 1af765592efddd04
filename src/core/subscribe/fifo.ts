/** What stands in a queue at most once. */
export interface Queueable {
  queued: boolean;
}

/** A queue whose operations cost the same however long it is, and in which each item stands once. */
export class Fifo<T extends Queueable> {
  #items: T[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** Adds an item at the end, unless it is in the queue already. */
  push(item: T): void {
    if (item.queued) return;
    item.queued = true;
    this.#items.push(item);
  }

  /** Puts an item back at the front, from where it was taken. */
  putBack(item: T): void {
    if (item.queued) return;
    item.queued = true;
    if (this.#head > 0) this.#items[--this.#head] = item;
    else this.#items.unshift(item);
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    item.queued = false;
    this.#head++;
    // Copies half of the array at most once for each half of it that was taken.
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
