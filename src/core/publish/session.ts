import { type Checked, isReady } from './admission.js';
import type { EventResult, PublishCommand, PublishSession, SessionCommand } from './command.js';
import { createOrder, type Order } from './order.js';
import { createSingles, type SinglesPath } from './singles.js';

interface Admission extends SinglesPath {
  readonly draining: AbortSignal;
  /** Undefined where the topic has to be looked up. */
  checkNow(command: PublishCommand): Checked | undefined;
  checkInTime(command: PublishCommand, signal: AbortSignal, begun: Checked | undefined): Promise<Checked>;
  admit(checked: Checked, order: Order, signal: AbortSignal): Promise<EventResult[]>;
}

/** One PublishStream. Batches are admitted strictly in the order of the calls, also where something has to be waited for first. */
export function createPublishSession(admission: Admission): PublishSession {
  const order = createOrder();
  const singles = createSingles(admission, order);
  let lastAdmission: Promise<unknown> | undefined;

  /** Everything up to the queue; what fails here fails for the whole batch. */
  function enter(checked: Checked, command: SessionCommand, signal: AbortSignal): Promise<EventResult[]> {
    order.admitting(command);
    try {
      return admission.admit(checked, order, signal);
    } catch (error) {
      // Here and now: the next batch may be admitted before anybody who waits for this one hears of it.
      order.haltAll(error);
      throw error;
    }
  }

  /** The same after the batches before it, and what has to be waited for. */
  async function enterLater(
    command: SessionCommand,
    signal: AbortSignal,
    begun: Checked | undefined,
  ): Promise<{ readonly results: Promise<EventResult[]> }> {
    const before = lastAdmission;
    const found = (async () => {
      await before;
      return admission.checkInTime(command, signal, begun);
    })();
    const mine = found.catch(order.haltAll);
    lastAdmission = mine;
    try {
      return { results: enter(await found, command, signal) };
    } finally {
      if (lastAdmission === mine) lastAdmission = undefined;
    }
  }

  function publish(command: SessionCommand, signal: AbortSignal): Promise<EventResult[]> {
    singles.flush();
    let now: Checked | undefined;
    try {
      admission.check(command);
      now = lastAdmission ? undefined : admission.checkNow(command);
      if (now && isReady(now)) return enter(now, command, signal);
    } catch (error) {
      order.haltAll(error);
      return Promise.reject(error);
    }
    return enterLater(command, signal, now).then(({ results }) => results);
  }

  return {
    draining: admission.draining,
    publish,
    add(command, listener, signal) {
      const isUsual = !lastAdmission && !order.isHalted && !command.haltOnRefusal;
      if (isUsual && singles.take(command, listener, signal)) return;
      publish({ ...command, onWarning: (warning) => listener.warned(warning) }, signal).then(
        (results) => listener.answered(results),
        (error) => listener.failed(error),
      );
    },
    flush: singles.flush,
  };
}
