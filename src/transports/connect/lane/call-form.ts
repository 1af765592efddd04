import type { IncomingHttpHeaders } from 'node:http2';
import type { UnaryMethod } from './unary-methods.js';

/** How a call is written. */
export interface CallForm {
  readonly protocol: 'connect' | 'grpc';
  readonly binary: boolean;
  /** Content type of the answer. */
  readonly answerType: string;
}

const connectJson: CallForm = { protocol: 'connect', binary: false, answerType: 'application/json' };
const grpcProto: CallForm = { protocol: 'grpc', binary: true, answerType: 'application/grpc+proto' };
const forms: ReadonlyMap<unknown, CallForm> = new Map([
  ['application/proto', { protocol: 'connect', binary: true, answerType: 'application/proto' }],
  ['application/json', connectJson],
  ['application/json; charset=utf-8', connectJson],
  ['application/grpc', grpcProto],
  ['application/grpc+proto', grpcProto],
  ['application/grpc+json', { protocol: 'grpc', binary: false, answerType: 'application/grpc+json' }],
] as const);

/**
 * The form of a call that the lane can serve: a POST of a usual content type, not compressed, without a deadline, not announced as too large,
 * and answered uncompressed. Undefined for all others, which are the adapter's.
 */
export function callForm(headers: IncomingHttpHeaders, { options, readMaxBytes }: UnaryMethod): CallForm | undefined {
  const form = forms.get(headers['content-type']);
  if (form === undefined || headers[':method'] !== 'POST' || headers.expect !== undefined) return undefined;
  if (headers['content-encoding'] !== undefined) return undefined;
  if (Number(headers['content-length'] ?? 0) > readMaxBytes) return undefined;
  const compresses = options.compressMinBytes !== Number.MAX_SAFE_INTEGER;
  if (form.protocol === 'grpc') {
    const plain = options.grpc !== false && isAbsent(headers, 'grpc-encoding') && isAbsent(headers, 'grpc-timeout');
    return plain && !(compresses && headers['grpc-accept-encoding'] !== undefined) ? form : undefined;
  }
  const plain =
    options.connect !== false && isAbsent(headers, 'connect-timeout-ms') && !options.requireConnectProtocolHeader;
  return plain && !(compresses && headers['accept-encoding'] !== undefined) ? form : undefined;
}

function isAbsent(headers: IncomingHttpHeaders, name: string): boolean {
  return headers[name] === undefined;
}
