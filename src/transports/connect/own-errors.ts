import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { UniversalServerResponse } from '@connectrpc/connect/protocol';
import {
  codeToHttpStatus,
  createEndStreamSerialization,
  endStreamFlag,
  errorFromJsonBytes,
  errorToJsonBytes,
} from '@connectrpc/connect/protocol-connect';
import { findTrailerError, setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import { trailerFlag, trailerParse, trailerSerialize } from '@connectrpc/connect/protocol-grpc-web';
import type { Reason } from '../../core/errors.js';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.js';
import { errorDomain } from './error-details.js';
import { errorLimits, shortMessage } from './error-limits.js';

/** What a caller should see instead of an error; undefined: the error as it is. */
export type Explain = (error: ConnectError) => ConnectError | undefined;

const reasons: Partial<Record<Code, Reason>> = {
  [Code.InvalidArgument]: 'INVALID_REQUEST',
  [Code.ResourceExhausted]: 'REQUEST_TOO_LARGE',
  [Code.Unimplemented]: 'UNIMPLEMENTED',
  [Code.DeadlineExceeded]: 'DEADLINE_EXCEEDED',
  [Code.Canceled]: 'CANCELLED',
};

/** What connect calls `internal` although it is the request that cannot be read. */
const requestsFault = /^(parse binary: |decompression failed$|received compressed envelope, )/;

/**
 * Gives a reason to the errors that connect itself answers with, before any service is asked; and calls a message that cannot be decoded
 * what it is: the request's fault (connect says `internal`). Errors with details are the services' own and stay.
 */
export function explainOwnError(error: ConnectError): ConnectError | undefined {
  if (error.details.length > 0) return undefined;
  const undecodable = error.code === Code.Internal && requestsFault.test(error.rawMessage);
  const code = undecodable ? Code.InvalidArgument : error.code;
  const reason = reasons[code];
  if (reason === undefined) return undefined;
  const value = create(ErrorInfoSchema, { domain: errorDomain, reason });
  // It may quote what the request had in that place, however long that is.
  const message = shortMessage(
    error.rawMessage.replace(/^parse binary/, 'cannot decode the message'),
    errorLimits.grpc,
  );
  return new ConnectError(message, code, undefined, [{ desc: ErrorInfoSchema, value }]);
}

/** How an answer ends. Each protocol puts an error elsewhere, and all of them write it before anybody but connect has seen it. */
export interface Ending {
  /** To be called with the body piece by piece, the first one before status and header are written. */
  chunk(bytes: Uint8Array): Uint8Array;
  /** To be called before the trailers are written. */
  trailer(): void;
}

/** Changes `answer` in place where it ends with an error that `explain` has something to say about. */
export function explainedEnding(answer: UniversalServerResponse, explain: Explain): Ending {
  const type = answer.header?.get('content-type') ?? '';
  const isConnectStream = type.startsWith('application/connect+');
  const isGrpcWeb = type.startsWith('application/grpc-web');
  return {
    chunk(bytes) {
      if (isConnectStream) return endOfConnectStream(bytes, explain);
      if (isGrpcWeb) return endOfGrpcWeb(bytes, explain);
      return answer.status === 200 ? bytes : connectUnary(answer, bytes, explain);
    },
    trailer() {
      if (answer.trailer) explainTrailer(answer.trailer, explain);
    },
  };
}

function connectUnary(answer: UniversalServerResponse, bytes: Uint8Array, explain: Explain): Uint8Array {
  const error = explain(errorFromJsonBytes(bytes, undefined, new ConnectError('not an error', Code.Unknown)));
  if (!error) return bytes;
  const explained = errorToJsonBytes(error, undefined);
  answer.status = codeToHttpStatus(error.code);
  answer.header?.set('content-length', String(explained.length));
  return explained;
}

const endStream = createEndStreamSerialization(undefined);
const envelopeBytes = 5;

function endOfConnectStream(bytes: Uint8Array, explain: Explain): Uint8Array {
  if (bytes[0] !== endStreamFlag) return bytes;
  const end = endStream.parse(bytes.subarray(envelopeBytes));
  const error = end.error && explain(end.error);
  return error ? enveloped(endStreamFlag, endStream.serialize({ ...end, error })) : bytes;
}

function endOfGrpcWeb(bytes: Uint8Array, explain: Explain): Uint8Array {
  if (bytes[0] !== trailerFlag) return bytes;
  const trailer = trailerParse(bytes.subarray(envelopeBytes));
  return explainTrailer(trailer, explain) ? enveloped(trailerFlag, trailerSerialize(trailer)) : bytes;
}

function explainTrailer(trailer: Headers, explain: Explain): boolean {
  if (trailer.get('grpc-status') === '0') return false;
  const found = findTrailerError(trailer);
  const error = found && explain(found);
  if (error) setTrailerStatus(trailer, error);
  return error !== undefined;
}

function enveloped(flags: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(envelopeBytes + data.length);
  bytes[0] = flags;
  new DataView(bytes.buffer).setUint32(1, data.length);
  bytes.set(data, envelopeBytes);
  return bytes;
}
