import type { Buffer } from 'node:buffer';
import type { ServerHttp2Stream } from 'node:http2';
import { create } from '@bufbuild/protobuf';
import type { StreamHandler } from '../../node-http.js';
import type { OpenStreams } from '../../open-streams.js';
import type { Explain } from '../own-errors.js';
import { type Answer, respond, seenError } from './answer.js';
import { type CallForm, callForm } from './call-form.js';
import { serveDuplex } from './duplex.js';
import { envelopeBytes } from './envelope.js';
import { LaneContext } from './lane-context.js';
import { checkedLength, isDuplex, isServerStream, isUnary, type LaneMethod, type UnaryMethod } from './lane-methods.js';
import { readAhead } from './read-ahead.js';
import { serveStream } from './server-stream.js';

/**
 * The short way for usual calls over HTTP/2: the stream's body is collected, decoded, given to the implementation and
 * answered, with one message or a stream of them, and with nothing in between; where messages go both ways they are taken as they come. Implementations, codecs, limits and errors are the adapter's
 * own; whatever is unusual about a call goes to the adapter, also when it shows only in the body.
 *
 * @param methods by path
 * @param explain, streams as the adapter's
 */
export function createLane(
  methods: ReadonlyMap<string, LaneMethod>,
  explain: Explain,
  streams: OpenStreams,
): StreamHandler {
  return (stream, headers, otherwise, onError) => {
    const method = methods.get(headers[':path'] ?? '');
    const form = method && callForm(headers, method);
    if (method === undefined || form === undefined || stream.endAfterHeaders) return otherwise();
    stream.on('error', onError);
    const context = new LaneContext(method, form, headers, stream);
    const broken = (error: unknown) => {
      onError(error instanceof Error ? error : new Error(String(error)));
      stream.destroy();
    };
    if (isDuplex(method)) {
      serveDuplex(stream, form, method, context, explain).catch(broken);
      return;
    }
    collect(stream, form, method.readMaxBytes, (chunks, bytes, ended) => {
      const message = ended ? messageOf(chunks, bytes, form) : undefined;
      if (message === undefined) {
        stream.off('error', onError);
        readAhead.set(stream, { chunks, ended });
        otherwise();
        return;
      }
      serve(stream, message, form, method, context, explain, streams).catch(broken);
    });
  };
}

/** Reads a body to its end, or until it is too large for any message. `done` is not called if the client gives up before. */
function collect(
  stream: ServerHttp2Stream,
  form: CallForm,
  readMaxBytes: number,
  done: (chunks: readonly Buffer[], bytes: number, ended: boolean) => void,
): void {
  const most = form.enveloped ? readMaxBytes + envelopeBytes : readMaxBytes;
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
    // A long answer must not keep the request in memory.
    stream.off('data', onData);
    stream.off('end', onEnd);
    // A stream that is cut ends as well.
    if (!stream.aborted && !stream.destroyed) done(chunks, bytes, true);
  };
  stream.on('data', onData);
  stream.on('end', onEnd);
}

/** The request's message, in memory of its own: payloads are parts of it, and must not hold on to what came with it. Undefined: unusual. */
function messageOf(chunks: readonly Buffer[], bytes: number, form: CallForm): Uint8Array | undefined {
  const body = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  if (!form.enveloped) return body;
  if (bytes < envelopeBytes || body[0] !== 0) return undefined;
  const length = new DataView(body.buffer).getUint32(1);
  return length === bytes - envelopeBytes ? body.subarray(envelopeBytes) : undefined;
}

async function serve(
  stream: ServerHttp2Stream,
  message: Uint8Array,
  form: CallForm,
  method: LaneMethod,
  context: LaneContext,
  explain: Explain,
  streams: OpenStreams,
): Promise<void> {
  if (isServerStream(method)) await serveStream({ stream, form, method, context }, message, explain, streams);
  else if (isUnary(method)) await serveUnary(stream, message, form, method, context, explain);
}

async function serveUnary(
  stream: ServerHttp2Stream,
  message: Uint8Array,
  form: CallForm,
  unary: UnaryMethod,
  context: LaneContext,
  explain: Explain,
): Promise<void> {
  const cancelled = () => context.cancelled();
  stream.on('close', cancelled);
  let answer: Answer;
  try {
    answer = await callMethod(unary, message, form.binary, context);
  } catch (error) {
    answer = seenError(error, explain);
  }
  stream.off('close', cancelled);
  if (!stream.destroyed && !stream.closed) respond(stream, answer, form, context, unary);
}

async function callMethod(
  { spec, serialization, direct, writeMaxBytes }: UnaryMethod,
  message: Uint8Array,
  binary: boolean,
  context: LaneContext,
): Promise<Uint8Array> {
  const answering = binary ? direct?.(message, context) : undefined;
  if (answering === undefined) {
    const output = await spec.impl(serialization.getI(binary).parse(message), context);
    return serialization.getO(binary).serialize(create(spec.method.output, output));
  }
  return checkedLength(await answering, writeMaxBytes);
}
