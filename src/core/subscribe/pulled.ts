/** What a pull gives: the next item; the end; or a promise, which never rejects, of the moment at which to pull again. */
export type Pull<T> = IteratorResult<T, undefined> | Promise<void>;

/** Pulls once; throws what ends the stream. */
export type PullOne<T> = () => Pull<T>;

/**
 * A stream whose items can be taken as they are, without a promise for each: what is there is given at once. For everybody else it is an async
 * iterable. For one consumer, who pulls again only when it has dealt with what it got, or when the promise has resolved.
 */
export interface Pulled<T> extends AsyncIterable<T> {
  pull(): Pull<T>;
  /** The consumer wants no more. */
  stop(): void;
}

const over: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** The same for those who iterate. */
export function iterable<T>({ pull, stop }: Pick<Pulled<T>, 'pull' | 'stop'>): Pulled<T> {
  const iterator: AsyncIterator<T, undefined> = {
    async next() {
      for (;;) {
        const result = pull();
        if (!(result instanceof Promise)) return result;
        await result;
      }
    },
    async return() {
      stop();
      return over;
    },
  };
  return { pull, stop, [Symbol.asyncIterator]: () => iterator };
}

export interface PulledOptions<T> {
  /** Called at the first pull. */
  open(): Promise<PullOne<T>>;
  /** Called once: at the end, after a failure, or when the consumer wants no more. */
  close(): void;
  /** What the consumer gets of a failure. */
  explain(error: unknown): Error;
}

export function pulled<T>({ open, close, explain }: PulledOptions<T>): Pulled<T> {
  let state: 'new' | 'open' | 'over' = 'new';
  let one: PullOne<T> | undefined;
  let failure: { readonly error: unknown } | undefined;

  function finish(): IteratorReturnResult<undefined> {
    if (state !== 'over') {
      state = 'over';
      close();
    }
    return over;
  }

  function begin(): Promise<void> {
    state = 'open';
    return open().then(
      (opened) => {
        one = opened;
      },
      (error: unknown) => {
        failure = { error };
      },
    );
  }

  function pull(): Pull<T> {
    if (state === 'over') return over;
    try {
      if (failure) throw failure.error;
      const result = one ? one() : begin();
      return 'done' in result && result.done ? finish() : result;
    } catch (error) {
      finish();
      throw explain(error);
    }
  }

  return iterable({ pull, stop: finish });
}

/** Any stream as one that is pulled; one that is already stays as it is. */
export function toPulled<T>(items: AsyncIterable<T>): Pulled<T> {
  if (isPulled(items)) return items;
  const iterator = items[Symbol.asyncIterator]();
  let arrived: IteratorResult<T, unknown> | undefined;
  let failure: { readonly error: unknown } | undefined;
  return {
    pull() {
      if (failure) throw failure.error;
      const result = arrived;
      arrived = undefined;
      if (result) return result.done === true ? over : result;
      return iterator.next().then(
        (next) => {
          arrived = next;
        },
        (error: unknown) => {
          failure = { error };
        },
      );
    },
    stop() {
      iterator.return?.().catch(() => undefined);
    },
    [Symbol.asyncIterator]: () => iterator,
  };
}

function isPulled<T>(items: AsyncIterable<T>): items is Pulled<T> {
  return 'pull' in items;
}
