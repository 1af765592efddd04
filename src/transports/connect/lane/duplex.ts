import type { ServerHttp2Stream } from 'node:http2';
import { create } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import { eachOf, mapped } from '../call.js';
import type { Explain } from '../own-errors.js';
import { seenError } from './answer.js';
import type { CallForm } from './call-form.js';
import { readMessages } from './duplex-input.js';
import { duplexOutput, isOver } from './duplex-output.js';
import type { LaneContext } from './lane-context.js';
import { checkedLength, type DuplexMethod, type Together } from './lane-methods.js';

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
  const cancelled = () => context.cancelled();
  stream.on('close', cancelled);
  const output = duplexOutput(stream, form, context);
  let failure: ConnectError | undefined;
  let answers: AsyncIterator<readonly Uint8Array[]> | undefined;
  try {
    const requests = readMessages(stream, form, duplex.readMaxBytes);
    const answering = (form.binary ? duplex.directDuplex : undefined) ?? general(duplex, form);
    answers = answering(requests, context)[Symbol.asyncIterator]();
    for (;;) {
      const next = await answers.next();
      if (isOver(stream)) return;
      if (next.done === true) break;
      let full: Promise<void> | undefined;
      for (const answer of next.value) full = output.write(checkedLength(answer, duplex.writeMaxBytes));
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

/** By codec and implementation. */
function general({ spec, serialization }: DuplexMethod, { binary }: CallForm) {
  const { parse } = serialization.getI(binary);
  const { serialize } = serialization.getO(binary);
  return (requests: Together, context: LaneContext): Together =>
    mapped(spec.impl(mapped(eachOf(requests), parse), context), (answer) => [
      serialize(create(spec.method.output, answer)),
    ]);
}
