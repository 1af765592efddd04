import type { HandlerContext } from '@connectrpc/connect';
import { iterable, type Pulled, toPulled } from '../../core/subscribe/pulled.js';
import type { OnInternalError } from '../served.js';
import { toConnectError } from './errors.js';
import { LaneContext } from './lane/lane-context.js';

/** Runs a unary call; whatever it throws becomes the error that the caller gets. */
export function guardUnary<I, O>(
  onInternalError: OnInternalError,
  run: (request: I, context: HandlerContext) => Promise<O>,
): (request: I, context: HandlerContext) => Promise<O> {
  return async (request, context) => {
    try {
      return await run(request, context);
    } catch (error) {
      throw toConnectError(error, context, onInternalError);
    }
  };
}

/** The same for a call that answers with a stream; `I` may be a stream as well. */
export function guardStream<I, O>(
  onInternalError: OnInternalError,
  run: (request: I, context: HandlerContext) => AsyncIterable<O>,
): (request: I, context: HandlerContext) => AsyncIterable<O> {
  // By hand: a generator that only passes on costs a live stream as much as one that does the work.
  return (request, context) => {
    let inner: AsyncIterator<O> | undefined;
    const guarded: AsyncIterableIterator<O> = {
      async next() {
        try {
          inner ??= run(request, context)[Symbol.asyncIterator]();
          return await inner.next();
        } catch (error) {
          throw toConnectError(error, context, onInternalError);
        }
      },
      async return() {
        await inner?.return?.();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => guarded,
    };
    return guarded;
  };
}

/** The items of lists, one by one. */
export async function* eachOf<T>(lists: AsyncIterable<readonly T[]>): AsyncGenerator<T, void, undefined> {
  for await (const list of lists) yield* list;
}

/** The same for a stream that can be pulled. */
export function guardPulled<I, O>(
  onInternalError: OnInternalError,
  run: (request: I, context: HandlerContext) => Pulled<O>,
): (request: I, context: HandlerContext) => Pulled<O> {
  return (request, context) => {
    let inner: Pulled<O> | undefined;
    return iterable({
      pull() {
        try {
          inner ??= run(request, context);
          return inner.pull();
        } catch (error) {
          throw toConnectError(error, context, onInternalError);
        }
      },
      stop: () => inner?.stop(),
    });
  };
}

/** Each item of a stream as something else. */
export function mapped<I, O>(items: AsyncIterable<I>, map: (item: I) => O): Pulled<O> {
  const source = toPulled(items);
  return iterable({
    pull() {
      const next = source.pull();
      if (next instanceof Promise || next.done === true) return next;
      return { done: false, value: map(next.value) };
    },
    stop: source.stop,
  });
}

/**
 * Whether the answer is written in protobuf's binary form, by which hand-encoded fields can be passed through; the JSON codecs need whole
 * messages. The codec stands in the content type: `application/…json` or anything else. A Connect GET says it in its query, but
 * nothing that is called with GET asks.
 */
export function usesBinary(context: Pick<HandlerContext, 'requestHeader'>): boolean {
  // The lane knows it already, and makes no Headers unless they are looked at.
  if (context instanceof LaneContext) return context.binary;
  const type = context.requestHeader.get('content-type') ?? '';
  return !/[/+]json\b/i.test(type);
}

/** What an implementation makes its messages for: the JSON codecs, the binary one, or the lane, which also writes what is encoded already. */
export type MessageForm = 'json' | 'binary' | 'pieces';

export function messageForm(context: Pick<HandlerContext, 'requestHeader'>): MessageForm {
  if (!usesBinary(context)) return 'json';
  return context instanceof LaneContext ? 'pieces' : 'binary';
}
