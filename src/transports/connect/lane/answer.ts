import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { Code, ConnectError } from '@connectrpc/connect';
import { codeToHttpStatus, errorToJsonBytes, trailerMux } from '@connectrpc/connect/protocol-connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import { noSniff } from '../../no-sniff.js';
import type { Explain } from '../own-errors.js';
import type { CallForm } from './call-form.js';
import { enveloped } from './envelope.js';
import type { LaneContext } from './lane-context.js';
import type { UnaryMethod } from './lane-methods.js';

/** An answer's message, encoded, or the error instead of it. */
export type Answer = Uint8Array | ConnectError;

/** Writes an answer, with the headers and trailers that the implementation has set, and ends the stream. */
export function respond(
  stream: ServerHttp2Stream,
  answer: Answer,
  form: CallForm,
  context: LaneContext,
  { options }: UnaryMethod,
): void {
  if (form.protocol === 'grpc') respondGrpc(stream, answer, form, context);
  else if (answer instanceof Uint8Array) respondConnect(stream, 200, answer, form.answerType, context);
  else {
    for (const [name, value] of answer.metadata) context.responseHeader.set(name, value);
    const body = errorToJsonBytes(answer, options.jsonOptions);
    respondConnect(stream, codeToHttpStatus(answer.code), body, 'application/json', context);
  }
}

function respondConnect(
  stream: ServerHttp2Stream,
  status: number,
  body: Uint8Array,
  type: string,
  { header, trailer }: LaneContext,
): void {
  const muxed = trailer ? trailerMux(header ?? new Headers(), trailer) : header;
  const headers: OutgoingHttpHeaders = { ...noSniff, ...(muxed && Object.fromEntries(muxed)) };
  headers[':status'] = status;
  headers['content-type'] = type;
  headers['content-length'] = body.length;
  stream.respond(headers);
  stream.end(body);
}

function respondGrpc(
  stream: ServerHttp2Stream,
  answer: Answer,
  { answerType }: CallForm,
  { header, trailer }: LaneContext,
): void {
  const headers: OutgoingHttpHeaders = { ...noSniff, ...(header && Object.fromEntries(header)) };
  headers[':status'] = 200;
  headers['content-type'] = answerType;
  const error = answer instanceof ConnectError ? answer : undefined;
  stream.once('wantTrailers', () => stream.sendTrailers(grpcTrailers(error, trailer)));
  stream.respond(headers, { waitForTrailers: true });
  stream.end(answer instanceof ConnectError ? undefined : enveloped(answer));
}

/** The trailers of an answer that ends well, or with this error. */
export function grpcTrailers(error: ConnectError | undefined, trailer: Headers | undefined): OutgoingHttpHeaders {
  if (error === undefined) return { ...(trailer && Object.fromEntries(trailer)), 'grpc-status': '0' };
  return Object.fromEntries(setTrailerStatus(trailer ?? new Headers(), error));
}

/** What the caller sees of what an implementation has thrown. */
export function seenError(error: unknown, explain: Explain): ConnectError {
  const seen =
    error instanceof ConnectError
      ? error
      : new ConnectError('internal error', Code.Internal, undefined, undefined, error);
  return explain(seen) ?? seen;
}
