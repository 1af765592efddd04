import type { Clock } from '../../core/ports/clock.js';

/** How a client reaches the world that it is a client of: what a network does, in one place. */
export interface Link {
  /**
   * Carries a request there, where it is done all at once, and its answer back. Requests under way at the same time may arrive in any order.
   * Rejects with what `act` throws, or with a LinkFailure.
   */
  call<T>(act: () => T): Promise<T>;
  /** Carries word from the world to the client: late perhaps and in any order, but never lost while both last. */
  notify(deliver: () => void): void;
}

/** A request was not answered. */
export class LinkFailure extends Error {
  override readonly name = 'LinkFailure';
  /** @param arrived whether it may have been done all the same */
  constructor(readonly arrived: boolean) {
    super(arrived ? 'the answer did not come' : 'the request did not arrive');
  }
}

/** A link without faults, on which everything takes a little while: each way 0 to `maxMs`, by chance. */
export function delayingLink(clock: Clock, maxMs: number): Link {
  const way = () => clock.sleep(clock.random() * maxMs);
  return {
    async call(act) {
      await way();
      try {
        return act();
      } finally {
        await way();
      }
    },
    notify: (deliver) => void way().then(deliver),
  };
}
