import { attemptsAfterDeparture, type DeliveryAttempts } from '../offsets/attempts.js';
import { type AttemptsAt, type Held, keyOf } from '../offsets/hand-over.js';

interface Suspect {
  readonly attempts: DeliveryAttempts;
  /** The record that was sent last. */
  alone: number | undefined;
}

/**
 * The partitions of one stream whose next records were sent `max_deliveries` times without a commit. Their records go out one at a time, each
 * after the commit of the one before, so that the record that fails is known. A record that was sent by itself and failed again is parked.
 */
export class Suspects {
  readonly maxDeliveries: number;
  /** By partition (`keyOf`). */
  readonly #suspects = new Map<string, Suspect>();
  #held: ReadonlyMap<string, Held> = new Map();

  /** @param maxDeliveries at least 1 */
  constructor(maxDeliveries: number) {
    this.maxDeliveries = maxDeliveries;
  }

  /** Whether the stream sends one record at a time. */
  get any(): boolean {
    return this.#suspects.size > 0;
  }

  /** What the stream owns has changed. */
  owns(held: ReadonlyMap<string, Held>): void {
    for (const key of this.#suspects.keys()) if (held.get(key) !== this.#held.get(key)) this.#suspects.delete(key);
    for (const [key, each] of held) {
      const { attempts, next } = each;
      const isNew = this.#held.get(key) !== each;
      if (!isNew || !attempts || attempts.count < this.maxDeliveries || next >= attempts.until) continue;
      this.#suspects.set(key, { attempts, alone: undefined });
    }
    this.#held = new Map(held);
  }

  /** How often a record was sent, if it has failed by itself and is to be parked; undefined: it may be sent. */
  failedAlone(key: string, offset: number): number | undefined {
    const attempts = this.#suspects.get(key)?.attempts;
    return attempts?.alone === offset ? attempts.count : undefined;
  }

  sent(key: string, offset: number): void {
    const suspect = this.#suspects.get(key);
    if (suspect) suspect.alone = offset;
  }

  committed(key: string, next: number): void {
    const suspect = this.#suspects.get(key);
    if (suspect && next >= suspect.attempts.until) this.#suspects.delete(key);
  }

  /** See `HandOverOptions.departure`. */
  departure({ topic, partition, next: claimedAt, attempts: before }: Held, sent: number): AttemptsAt {
    const alone = this.#suspects.get(keyOf(topic, partition))?.alone;
    return (next) => attemptsAfterDeparture({ before, claimedAt, next, sent, alone });
  }
}
