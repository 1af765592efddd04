import type { IncomingHttpHeaders } from 'node:http2';
import type { LaneMethod } from './lane-methods.js';

/** How a call is written. */
export interface CallForm {
  readonly protocol: 'connect' | 'grpc';
  readonly binary: boolean;
  /** Whether messages have flags and their length in front of them. */
  readonly enveloped: boolean;
  /** Content type of the answer. */
  readonly answerType: string;
}

const connect = (answerType: string, binary: boolean, enveloped: boolean): CallForm => ({
  protocol: 'connect',
  binary,
  enveloped,
  answerType,
});
const grpc = (answerType: string, binary: boolean): CallForm => ({
  protocol: 'grpc',
  binary,
  enveloped: true,
  answerType,
});

const grpcProto = grpc('application/grpc+proto', true);
const connectJson = connect('application/json', false, false);
const ofGrpc = [
  ['application/grpc', grpcProto],
  ['application/grpc+proto', grpcProto],
  ['application/grpc+json', grpc('application/grpc+json', false)],
] as const;
const streaming: ReadonlyMap<unknown, CallForm> = new Map([
  ...ofGrpc,
  ['application/connect+proto', connect('application/connect+proto', true, true)],
  ['application/connect+json', connect('application/connect+json', false, true)],
]);
const forms: { readonly [K in LaneMethod['spec']['kind']]: ReadonlyMap<unknown, CallForm> } = {
  unary: new Map([
    ...ofGrpc,
    ['application/proto', connect('application/proto', true, false)],
    ['application/json', connectJson],
    ['application/json; charset=utf-8', connectJson],
  ]),
  server_streaming: streaming,
  bidi_streaming: streaming,
};

/**
 * The form of a call that the lane can serve: a POST of a usual content type, not compressed, without a deadline, not announced as too large,
 * and answered uncompressed. Undefined for all others, which are the adapter's.
 */
export function callForm(headers: IncomingHttpHeaders, method: LaneMethod): CallForm | undefined {
  const { spec, options, readMaxBytes } = method;
  const form = forms[spec.kind].get(headers['content-type']);
  if (form === undefined || headers[':method'] !== 'POST' || headers.expect !== undefined) return undefined;
  if (headers['content-encoding'] !== undefined) return undefined;
  if (Number(headers['content-length'] ?? 0) > readMaxBytes) return undefined;
  const compresses = options.compressMinBytes !== Number.MAX_SAFE_INTEGER;
  if (form.protocol === 'grpc') {
    const plain = options.grpc !== false && isAbsent(headers, 'grpc-encoding') && isAbsent(headers, 'grpc-timeout');
    return plain && !(compresses && headers['grpc-accept-encoding'] !== undefined) ? form : undefined;
  }
  const plain =
    options.connect !== false &&
    isAbsent(headers, 'connect-timeout-ms') &&
    isAbsent(headers, 'connect-content-encoding') &&
    !options.requireConnectProtocolHeader;
  const accepts = form.enveloped ? 'connect-accept-encoding' : 'accept-encoding';
  return plain && !(compresses && headers[accepts] !== undefined) ? form : undefined;
}

function isAbsent(headers: IncomingHttpHeaders, name: string): boolean {
  return headers[name] === undefined;
}
