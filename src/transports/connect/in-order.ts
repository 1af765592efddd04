import { eachOf, mapped } from './call.js';

export interface InFlightLimits {
  readonly batches: number;
  readonly bytes: number;
}

/** Work that was started, and what it weighs until its result was taken. */
export interface Started<O> {
  readonly bytes: number;
  readonly result: Promise<O>;
}

/** Where the result of one input goes: once. */
export interface Place<O> {
  /** What is thrown is the result, too. */
  make(value: () => O): void;
  fail(error: unknown): void;
}

/** Work for inputs that come several at once. */
export interface Work<I, O> {
  /** Starts it for one input; returns what that weighs until its result was taken. What it throws ends the inputs. */
  start(input: I, place: Place<O>): number;
  /** Called when as many were started as there are, or as there may be. */
  started?(): void;
}

/**
 * Starts work for each input as it comes, several at a time up to the limits, and yields the results in the order of the inputs. At the
 * limits no more input is asked for; a result counts until it is taken to be written. Throws the first error, of the inputs or of a result, at its place in the
 * order. After an abort no input is asked for any more; the work has to end by the signal itself. Once `closing` aborts inputs are dropped, and its
 * reason is thrown after the results of what was started.
 */
export function inOrder<I, O>(
  inputs: AsyncIterable<I>,
  start: (input: I) => Started<O>,
  limits: InFlightLimits,
  signal: AbortSignal,
  closing?: AbortSignal,
): AsyncGenerator<O, void, undefined> {
  const single = mapped(inputs, (input) => [input]);
  const work: Work<I, O> = {
    start(input, place) {
      const { bytes, result } = start(input);
      result.then(
        (value) => place.make(() => value),
        (error) => place.fail(error),
      );
      return bytes;
    },
  };
  return eachOf(inOrderTogether(single, work, limits, signal, closing, 1));
}

/**
 * The same for inputs that come several at once, with the results that are there at once, up to `most`: a message of its own costs an input and a result
 * far less than steps of iterators.
 */
export async function* inOrderTogether<I, O>(
  inputs: AsyncIterable<readonly I[]>,
  work: Work<I, O>,
  limits: InFlightLimits,
  signal: AbortSignal,
  closing?: AbortSignal,
  most = limits.batches,
): AsyncGenerator<readonly O[], void, undefined> {
  const queue: Open<O>[] = [];
  let bytes = 0;
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  let stopped = false;
  let wakeReader: (() => void) | undefined;
  let wakeWriter: (() => void) | undefined;

  const settled = (open: Open<O>) => {
    if (queue[0] === open) wakeWriter?.();
  };

  function begin(input: I): void {
    const open = new Open(settled);
    queue.push(open);
    try {
      open.bytes = work.start(input, open);
    } catch (error) {
      queue.pop();
      throw error;
    }
    bytes += open.bytes;
  }

  const isOpen = () => !stopped && !closing?.aborted;
  const isFull = () => queue.length >= limits.batches || bytes >= limits.bytes;

  /** Starts as many as there may be, from `first` on; returns the next. */
  function beginFrom(together: readonly I[], first: number): number {
    let next = first;
    try {
      for (const input of together.slice(first)) {
        if (!isOpen() || isFull()) break;
        begin(input);
        next++;
      }
    } finally {
      work.started?.();
    }
    return next;
  }

  async function read(): Promise<void> {
    try {
      for await (const together of inputs) {
        // Closed, it reads on, so that the sender is not stuck behind a full window while the last answers go out.
        for (let next = 0; next < together.length && isOpen(); ) {
          next = beginFrom(together, next);
          while (isOpen() && isFull()) {
            await new Promise<void>((resolve) => {
              wakeReader = resolve;
            });
          }
        }
        if (stopped) return;
      }
    } catch (error) {
      failure = { error };
    } finally {
      ended = true;
      wakeWriter?.();
    }
  }
  function close(): void {
    failure ??= { error: closing?.reason };
    wakeReader?.();
    wakeWriter?.();
  }
  // An abandoned generator is never resumed: the reader's end hangs on the signal, and on the generator's own end.
  const stop = () => {
    stopped = true;
    closing?.removeEventListener('abort', close);
    wakeReader?.();
    wakeWriter?.();
  };

  /** The results that are there, as far as the order goes. Throws where the first is an error. */
  function take(): O[] {
    const results: O[] = [];
    for (const { bytes: weight, outcome } of queue) {
      if (outcome === undefined || results.length === most) break;
      if ('error' in outcome) {
        if (results.length > 0) break;
        throw outcome.error;
      }
      results.push(outcome.value);
      bytes -= weight;
    }
    queue.splice(0, results.length);
    return results;
  }

  signal.addEventListener('abort', stop, { once: true });
  closing?.addEventListener('abort', close, { once: true });
  if (closing?.aborted) close();
  try {
    void read();
    for (;;) {
      const results = take();
      if (results.length > 0) {
        wakeReader?.();
        yield results;
        continue;
      }
      if (queue.length === 0) {
        if (failure) throw failure.error;
        signal.throwIfAborted();
        if (ended) return;
      }
      await new Promise<void>((resolve) => {
        wakeWriter = resolve;
      });
    }
  } finally {
    stop();
    signal.removeEventListener('abort', stop);
  }
}

/** Work under way. */
class Open<O> implements Place<O> {
  bytes = 0;
  /** Undefined until it is known. */
  outcome: { readonly value: O } | { readonly error: unknown } | undefined;

  constructor(private readonly settled: (open: Open<O>) => void) {}

  make(value: () => O): void {
    try {
      this.outcome = { value: value() };
    } catch (error) {
      this.outcome = { error };
    }
    this.settled(this);
  }

  fail(error: unknown): void {
    this.outcome = { error };
    this.settled(this);
  }
}
