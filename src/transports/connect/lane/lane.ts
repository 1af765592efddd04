import type { Buffer } from 'node:buffer';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { StreamHandler } from '../../node-http.js';
import type { Explain } from '../own-errors.js';
import { type Answer, envelopeBytes, respond } from './answer.js';
import { type CallForm, callForm } from './call-form.js';
import { LaneContext } from './lane-context.js';
import { readAhead } from './read-ahead.js';
import type { UnaryMethod } from './unary-methods.js';

/**
 * The short way for usual unary calls over HTTP/2: the stream's body is collected, decoded, given to the implementation and answered,
 * with nothing in between. Implementations, codecs, limits and errors are the adapter's own; whatever is unusual about a
 * call goes to the adapter, also when it shows only in the body.
 *
 * @param methods by path
 * @param explain as the adapter's
 */
export function createLane(
  methods: ReadonlyMap<string, UnaryMethod>,
  explain: Explain = () => undefined,
): StreamHandler {
  return (stream, headers, otherwise, onError) => {
    const method = methods.get(headers[':path'] ?? '');
    const form = method && callForm(headers, method);
    if (method === undefined || form === undefined || stream.endAfterHeaders) return otherwise();
    stream.on('error', onError);
    collect(stream, form, method.readMaxBytes, (chunks, bytes, ended) => {
      const message = ended ? messageOf(chunks, bytes, form) : undefined;
      if (message === undefined) {
        stream.off('error', onError);
        readAhead.set(stream, { chunks, ended });
        otherwise();
        return;
      }
      serve(stream, message, form, method, headers, explain).catch((error: unknown) => {
        onError(error instanceof Error ? error : new Error(String(error)));
        stream.destroy();
      });
    });
  };
}

/** Reads a body to its end, or until it is too large for any message. `done` is not called if the client gives up before. */
function collect(
  stream: ServerHttp2Stream,
  { protocol }: CallForm,
  readMaxBytes: number,
  done: (chunks: readonly Buffer[], bytes: number, ended: boolean) => void,
): void {
  const most = protocol === 'grpc' ? readMaxBytes + envelopeBytes : readMaxBytes;
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onData = (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes <= most) return;
    stream.off('data', onData);
    stream.off('end', onEnd);
    stream.pause();
    done(chunks, bytes, false);
  };
  const onEnd = () => {
    // A stream that is cut ends as well.
    if (!stream.aborted && !stream.destroyed) done(chunks, bytes, true);
  };
  stream.on('data', onData);
  stream.on('end', onEnd);
}

/** The request's message, in memory of its own: payloads are parts of it, and must not hold on to what came with it. Undefined: unusual. */
function messageOf(chunks: readonly Buffer[], bytes: number, { protocol }: CallForm): Uint8Array | undefined {
  const body = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  if (protocol === 'connect') return body;
  if (bytes < envelopeBytes || body[0] !== 0) return undefined;
  const length = new DataView(body.buffer).getUint32(1);
  return length === bytes - envelopeBytes ? body.subarray(envelopeBytes) : undefined;
}

async function serve(
  stream: ServerHttp2Stream,
  message: Uint8Array,
  form: CallForm,
  unary: UnaryMethod,
  headers: IncomingHttpHeaders,
  explain: Explain,
): Promise<void> {
  const { method, impl, serialization } = unary;
  const context = new LaneContext(unary, form, headers, stream);
  const cancelled = () => context.cancelled();
  stream.on('close', cancelled);
  let answer: Answer;
  try {
    const output = await impl(serialization.getI(form.binary).parse(message), context);
    answer = serialization.getO(form.binary).serialize(create(method.output, output));
  } catch (error) {
    const seen =
      error instanceof ConnectError
        ? error
        : new ConnectError('internal error', Code.Internal, undefined, undefined, error);
    answer = explain(seen) ?? seen;
  }
  stream.off('close', cancelled);
  if (!stream.destroyed && !stream.closed) respond(stream, answer, form, context, unary);
}
