import type { HandlerContext } from '@connectrpc/connect';
import { type OnInternalError, toConnectError } from './errors.js';
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
  return async function* guarded(request, context) {
    try {
      yield* run(request, context);
    } catch (error) {
      throw toConnectError(error, context, onInternalError);
    }
  };
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
