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

/** Work under way. */
interface Open<O> {
  readonly bytes: number;
  /** Undefined until it is known. */
  outcome: { readonly value: O } | { readonly error: unknown } | undefined;
}

/**
 * Starts work for each input as it comes, several at a time up to the limits, and yields the results in the order of the inputs. At the
 * limits no more input is asked for; an unread result counts. Throws the first error, of the inputs or of a result, at its place in the
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
  return eachOf(inOrderTogether(single, start, limits, signal, closing, 1));
}

/**
 * The same for inputs that come several at once, with the results that are there at once, up to `most`: a message of its own costs an input and a result
 * far less than steps of iterators.
 */
export async function* inOrderTogether<I, O>(
  inputs: AsyncIterable<readonly I[]>,
  start: (input: I) => Started<O>,
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

  function begin(input: I): void {
    const { bytes: weight, result } = start(input);
    const open: Open<O> = { bytes: weight, outcome: undefined };
    const settle = (outcome: Open<O>['outcome']) => {
      open.outcome = outcome;
      if (queue[0] === open) wakeWriter?.();
    };
    result.then(
      (value) => settle({ value }),
      (error) => settle({ error }),
    );
    bytes += weight;
    queue.push(open);
  }

  const isFull = () => queue.length >= limits.batches || bytes >= limits.bytes;

  async function read(): Promise<void> {
    try {
      for await (const together of inputs) {
        for (const input of together) {
          if (stopped) return;
          // Read on, so that the sender is not stuck behind a full window while the last answers go out.
          if (closing?.aborted) continue;
          begin(input);
          while (!stopped && !closing?.aborted && isFull()) {
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
    for (let head = queue[0]; head?.outcome !== undefined && results.length < most; head = queue[0]) {
      if ('error' in head.outcome) {
        if (results.length > 0) break;
        throw head.outcome.error;
      }
      results.push(head.outcome.value);
      bytes -= head.bytes;
      queue.shift();
    }
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
