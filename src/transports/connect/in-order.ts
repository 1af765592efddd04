export interface InFlightLimits {
  readonly batches: number;
  readonly bytes: number;
}

/** Work that was started, and what it weighs until its result was taken. */
export interface Started<O> {
  readonly bytes: number;
  readonly result: Promise<O>;
}

/**
 * Starts work for each input as it comes, several at a time up to the limits, and yields the results in the order of the inputs. At the
 * limits no more input is asked for; an unread result counts. Throws the first error, of the inputs or of a result, at its place in the
 * order. After an abort no input is asked for any more; the work has to end by the signal itself. Once `closing` aborts inputs are dropped, and its
 * reason is thrown after the results of what was started.
 */
export async function* inOrder<I, O>(
  inputs: AsyncIterable<I>,
  start: (input: I) => Started<O>,
  limits: InFlightLimits,
  signal: AbortSignal,
  closing?: AbortSignal,
): AsyncGenerator<O, void, undefined> {
  const queue: Started<O>[] = [];
  let bytes = 0;
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  let stopped = false;
  let wakeReader: (() => void) | undefined;
  let wakeWriter: (() => void) | undefined;

  async function read(): Promise<void> {
    try {
      for await (const input of inputs) {
        if (stopped) return;
        // Read on, so that the sender is not stuck behind a full window while the last answers go out.
        if (closing?.aborted) continue;
        const started = start(input);
        // Its rejection is dealt with when its turn comes; until then nobody else looks at it.
        started.result.catch(() => undefined);
        bytes += started.bytes;
        queue.push(started);
        wakeWriter?.();
        while (!stopped && !closing?.aborted && (queue.length >= limits.batches || bytes >= limits.bytes)) {
          await new Promise<void>((resolve) => {
            wakeReader = resolve;
          });
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
  signal.addEventListener('abort', stop, { once: true });
  closing?.addEventListener('abort', close, { once: true });
  if (closing?.aborted) close();
  try {
    void read();
    for (;;) {
      const head = queue[0];
      if (head) {
        const result = await head.result;
        queue.shift();
        bytes -= head.bytes;
        wakeReader?.();
        yield result;
      } else if (failure) {
        throw failure.error;
      } else if (ended) {
        signal.throwIfAborted();
        return;
      } else {
        signal.throwIfAborted();
        await new Promise<void>((resolve) => {
          wakeWriter = resolve;
        });
      }
    }
  } finally {
    stop();
    signal.removeEventListener('abort', stop);
  }
}
