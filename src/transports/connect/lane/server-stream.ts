import type { Buffer } from 'node:buffer';
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { create } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import { createEndStreamSerialization, endStreamFlag } from '@connectrpc/connect/protocol-connect';
import { type Pulled, toPulled } from '../../../core/subscribe/pulled.js';
import type { Client } from '../../client-room.js';
import { noSniff } from '../../no-sniff.js';
import type { OpenStreams } from '../../open-streams.js';
import type { Explain } from '../own-errors.js';
import { grpcTrailers, seenError } from './answer.js';
import type { CallForm } from './call-form.js';
import { encodingOf, enveloped } from './envelope.js';
import type { LaneContext } from './lane-context.js';
import type { ServerStreamMethod } from './lane-methods.js';

/** A call that is answered with a stream. */
interface StreamCall {
  readonly stream: ServerHttp2Stream;
  readonly form: CallForm;
  readonly method: ServerStreamMethod;
  readonly context: LaneContext;
}

/** With so much waiting to be sent, the client should first read. Node says so from 16 KiB on: for frames of live events each write would wait. */
const enoughBytes = 64 * 1024;

/**
 * Answers with the messages of the implementation, as fast as the client reads: at most one message is on its way beyond what is enough. A client
 * that is gone ends the implementation, also where it waits for the client.
 */
export async function serveStream(
  call: StreamCall,
  message: Uint8Array,
  explain: Explain,
  streams: OpenStreams,
): Promise<void> {
  const { stream, form, method, context } = call;
  // After an answer that was sent whole there is nothing left to cancel, and nobody hears it.
  const client = streams.watch(stream, () => context.cancelled());
  let failure: ConnectError | undefined;
  try {
    const input = method.serialization.getI(form.binary).parse(message);
    await writeAll(call, toPulled(method.spec.impl(input, context)), client);
  } catch (error) {
    failure = seenError(error, explain);
  }
  if (!client.gone) end(call, failure);
}

/** Resolves after the last message, or when there is nobody to write to. */
async function writeAll(call: StreamCall, outputs: Pulled<Output>, client: Client): Promise<void> {
  const { stream } = call;
  while (!client.gone) {
    const output = outputs.pull();
    if (output instanceof Promise) {
      await output;
      continue;
    }
    if (output.done === true) return;
    // With the first message and not before: the implementation may still have set some.
    if (!stream.headersSent) sendHeaders(call);
    if (!write(call, output.value) && stream.writableLength >= enoughBytes) await client.room();
  }
  outputs.stop();
}

function sendHeaders({ stream, form, context }: StreamCall): void {
  const headers: OutgoingHttpHeaders = { ...noSniff, ...(context.header && Object.fromEntries(context.header)) };
  headers[':status'] = 200;
  headers['content-type'] = form.answerType;
  stream.respond(headers, { waitForTrailers: form.protocol === 'grpc' });
}

type Output = Parameters<typeof create<ServerStreamMethod['spec']['method']['output']>>[1] & object;

/** False if the stream has its buffer full. */
function write({ stream, form, method }: StreamCall, output: Output): boolean {
  const { serialization, spec } = method;
  const encoding = form.binary ? encodingOf(output) : undefined;
  if (encoding === undefined) {
    const message = serialization.getO(form.binary).serialize(create(spec.method.output, output));
    return stream.write(enveloped(message));
  }
  const { pieces, sent } = encoding;
  let isRoom = true;
  // All at once, and without putting them together.
  if (pieces.length > 1) stream.cork();
  const last = pieces.at(-1);
  for (const piece of pieces) isRoom = sent && piece === last ? stream.write(piece, ifSent(sent)) : stream.write(piece);
  if (pieces.length > 1) stream.uncork();
  return isRoom;
}

const ifSent = (done: () => void) => (error: Error | null | undefined) => {
  if (!error) done();
};

function end(call: StreamCall, error: ConnectError | undefined): void {
  const { stream, form, context } = call;
  if (form.protocol === 'grpc')
    stream.once('wantTrailers', () => stream.sendTrailers(grpcTrailers(error, context.trailer)));
  if (!stream.headersSent) sendHeaders(call);
  stream.end(form.protocol === 'grpc' ? undefined : connectEnd(call, error));
}

function connectEnd({ context, method }: StreamCall, error: ConnectError | undefined): Buffer {
  const { serialize } = createEndStreamSerialization(method.options.jsonOptions);
  const metadata = context.trailer ?? new Headers();
  return enveloped(serialize(error ? { metadata, error } : { metadata }), endStreamFlag);
}
