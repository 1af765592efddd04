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

  /** After the batches before it, with what has to be waited for. What is thrown fails the batch. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = lastAdmission;
    const done = (async () => {
      await before;
      return work();
    })();
    const mine: Promise<void> = done.catch(order.haltAll).then(() => {
      if (lastAdmission === mine) lastAdmission = undefined;
    });
    lastAdmission = mine;
    return done;
  }

  /** Fails a batch as a whole in its turn: that halts what comes after it, and nothing that came before. */
  function refuse(error: unknown): Promise<never> {
    singles.flush();
    if (lastAdmission) return inTurn(() => Promise.reject(error));
    order.haltAll(error);
    return Promise.reject(error);
  }

  function publish(command: SessionCommand, signal: AbortSignal): Promise<EventResult[]> {
    singles.flush();
    let now: Checked | undefined;
    try {
      admission.check(command);
      now = lastAdmission ? undefined : admission.checkNow(command);
      if (now && isReady(now)) return enter(now, command, signal);
    } catch (error) {
      return refuse(error);
    }
    const entered = inTurn(async () => {
      const checked = await admission.checkInTime(command, signal, now);
      // In an object, so that the next batch does not wait for them.
      return { results: enter(checked, command, signal) };
    });
    return entered.then(({ results }) => results);
  }

  return {
    draining: admission.draining,
    publish,
    refuse,
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
