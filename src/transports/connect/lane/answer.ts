import { Buffer } from 'node:buffer';
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { ConnectError } from '@connectrpc/connect';
import { codeToHttpStatus, errorToJsonBytes, trailerMux } from '@connectrpc/connect/protocol-connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import type { CallForm } from './call-form.js';
import type { LaneContext } from './lane-context.js';
import type { UnaryMethod } from './unary-methods.js';

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
  const headers: OutgoingHttpHeaders = muxed ? Object.fromEntries(muxed) : {};
  headers[':status'] = status;
  headers['content-type'] = type;
  headers['content-length'] = body.length;
  stream.respond(headers);
  stream.end(body);
}

/** Flags and length of a message that is not compressed. */
export const envelopeBytes = 5;

function respondGrpc(
  stream: ServerHttp2Stream,
  answer: Answer,
  { answerType }: CallForm,
  { header, trailer }: LaneContext,
): void {
  const headers: OutgoingHttpHeaders = header ? Object.fromEntries(header) : {};
  headers[':status'] = 200;
  headers['content-type'] = answerType;
  stream.once('wantTrailers', () => stream.sendTrailers(grpcTrailers(answer, trailer)));
  stream.respond(headers, { waitForTrailers: true });
  if (!(answer instanceof Uint8Array)) {
    stream.end();
    return;
  }
  const body = Buffer.allocUnsafe(envelopeBytes + answer.length);
  body[0] = 0;
  body.writeUInt32BE(answer.length, 1);
  body.set(answer, envelopeBytes);
  stream.end(body);
}

function grpcTrailers(answer: Answer, trailer: Headers | undefined): OutgoingHttpHeaders {
  if (answer instanceof Uint8Array) return { ...(trailer && Object.fromEntries(trailer)), 'grpc-status': '0' };
  return Object.fromEntries(setTrailerStatus(trailer ?? new Headers(), answer));
}
