import type { ServerHttp2Stream } from 'node:http2';
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import type { Explain } from '../own-errors.js';
import { seenError } from './answer.js';
import type { CallForm } from './call-form.js';
import { readMessages } from './duplex-input.js';
import { duplexOutput, isOver } from './duplex-output.js';
import type { LaneContext } from './lane-context.js';
import type { DuplexMethod } from './lane-methods.js';

/**
 * Serves a call with streams both ways: messages are cut out of what arrives, handed to the implementation, and its answers put in envelopes and
 * written. What is unusual here shows in the headers, except for envelopes that are compressed though nobody said so: an error of the adapter's, too.
 */
export async function serveDuplex(
  stream: ServerHttp2Stream,
  form: CallForm,
  duplex: DuplexMethod,
  context: LaneContext,
  explain: Explain,
): Promise<void> {
  const { spec, serialization, readMaxBytes } = duplex;
  const cancelled = () => context.cancelled();
  stream.on('close', cancelled);
  const { parse } = serialization.getI(form.binary);
  const { serialize } = serialization.getO(form.binary);
  const output = duplexOutput(stream, form, context);
  let failure: ConnectError | undefined;
  let answers: AsyncIterator<MessageInitShape<DescMessage>> | undefined;
  try {
    const requests = decoded(readMessages(stream, form, readMaxBytes), parse);
    answers = spec.impl(requests, context)[Symbol.asyncIterator]();
    for (;;) {
      const next = await answers.next();
      if (isOver(stream)) return;
      if (next.done === true) break;
      const full = output.write(serialize(create(spec.method.output, next.value)));
      if (full !== undefined) await full;
    }
  } catch (error) {
    failure = seenError(error, explain);
  } finally {
    stream.off('close', cancelled);
    // What the implementation still has under way is of no use to anybody.
    context.cancelled();
    answers?.return?.().catch(() => undefined);
  }
  if (!isOver(stream)) output.end(failure);
}

function decoded<I>(
  messages: AsyncIterableIterator<Uint8Array, undefined>,
  parse: (message: Uint8Array) => I,
): AsyncIterableIterator<I, undefined> {
  return {
    next: () => messages.next().then((next) => (next.done === true ? next : { done: false, value: parse(next.value) })),
    async return() {
      await messages.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
