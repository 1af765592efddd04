import { BusError } from './errors.js';
import { type Clock, systemClock } from './ports/clock.js';

/** How long before its deadline a call is answered, so that the answer arrives in time; half of what is left, if that is less. */
const marginMs = 250;

/** A call with a deadline has to be answered now: what it waits for has not happened yet. */
export class OutOfTime extends BusError {
  constructor() {
    super('LOG_UNAVAILABLE', 'not stored: the log did not take it in time for the deadline of the call');
  }
}

const deadlines = new WeakMap<AbortSignal, { readonly clock: Clock; readonly at: number }>();

/**
 * A signal that aborts as `signal` does, and with OutOfTime shortly before the deadline: the core answers the call then with what it knows of each
 * event. `signal` itself comes too late for that, because the client stops waiting at the same moment.
 *
 * @param timeoutMs until the deadline; undefined: the call has none, and keeps its signal
 */
export function answerBefore(signal: AbortSignal, timeoutMs: number | undefined, clock = systemClock): AbortSignal {
  if (timeoutMs === undefined || signal.aborted) return signal;
  const left = timeoutMs - Math.min(marginMs, timeoutMs / 2);
  const controller = new AbortController();
  // No timer runs for longer than 24.8 days.
  const timer = clock.setTimeout(() => controller.abort(new OutOfTime()), Math.min(left, 2 ** 31 - 1)).unref();
  signal.addEventListener(
    'abort',
    () => {
      timer.close();
      controller.abort(signal.reason);
    },
    { once: true },
  );
  deadlines.set(controller.signal, { clock, at: clock.now() + left });
  return controller.signal;
}

/** Milliseconds until a call has to be answered; undefined: it has no deadline. */
export function timeLeft(signal: AbortSignal): number | undefined {
  const deadline = deadlines.get(signal);
  return deadline && deadline.at - deadline.clock.now();
}

/** The promise's outcome, or the signal's reason as soon as it aborts. Costs nothing where the call has no deadline. */
export function inTimeFor<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  if (!deadlines.has(signal)) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
