import type { ReceivedEvent } from '../received-event.js';

/**
 * The keys of the events that were parked in the batch in hand. The server holds back a parked key's events in later frames; those of the
 * same frame have come already, and wait for nobody but the client.
 */
export class ParkedKeys {
  readonly #keys = new Set<string>();

  add(event: ReceivedEvent): void {
    if (event.key !== undefined) this.#keys.add(keyOf(event));
  }

  has(event: ReceivedEvent): boolean {
    return this.#keys.size > 0 && event.key !== undefined && this.#keys.has(keyOf(event));
  }

  /** A new batch begins. */
  clear(): void {
    this.#keys.clear();
  }
}

/** A redriven event has the key of the topic that it came from. */
function keyOf({ redriven, topic, key = new Uint8Array() }: ReceivedEvent): string {
  return `${redriven?.topic ?? topic}/${key.join()}`;
}
