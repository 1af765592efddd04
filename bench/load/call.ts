import { type ClientHttp2Session, constants, type OutgoingHttpHeaders } from 'node:http2';
import type { Protocol } from '../wire/requests.js';

/** How a call is made: `http` by the plain route, `raw` to the reference, each with the event itself as its body. */
export type Way = Protocol | 'http' | 'raw';

const { NGHTTP2_CANCEL } = constants;

const heads: { readonly [K in Way]: OutgoingHttpHeaders } = {
  grpc: { 'content-type': 'application/grpc', te: 'trailers' },
  connect: { 'content-type': 'application/proto', 'connect-protocol-version': '1' },
  http: { 'content-type': 'application/json' },
  raw: { 'content-type': 'application/octet-stream' },
};

/** One unary call with prepared bytes. Resolves when the server has said that it is done; rejects on any other answer. */
export function call(session: ClientHttp2Session, protocol: Way, path: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': path, ...heads[protocol] });
    let status: unknown;
    let grpcStatus: unknown;
    let answer = '';
    stream.on('response', (head) => {
      status = head[':status'];
      grpcStatus = head['grpc-status'];
    });
    stream.on('trailers', (head) => {
      grpcStatus = head['grpc-status'];
      answer += String(head['grpc-message'] ?? '');
    });
    stream.on('data', (chunk: Buffer) => {
      if (status !== 200) answer += chunk.toString();
    });
    stream.on('error', reject);
    stream.on('close', () => {
      const ok = status === 200 && (protocol !== 'grpc' || grpcStatus === '0');
      if (ok && stream.rstCode === 0) resolve();
      else reject(new Error(`${path} was answered ${status}, grpc-status ${grpcStatus}: ${answer.slice(0, 500)}`));
    });
    stream.end(body);
  });
}

/** Opens a call whose request is one message, and whose answer is a stream. */
export function openStream(
  session: ClientHttp2Session,
  path: string,
  body: Buffer | undefined,
  onData: (chunk: Buffer) => void,
  headers: OutgoingHttpHeaders = heads.grpc,
): { readonly responded: Promise<void>; readonly ended: Promise<void>; cancel(): void } {
  const method = body === undefined ? 'GET' : 'POST';
  const stream = session.request({ ':method': method, ':path': path, ...headers }, { endStream: body === undefined });
  let problem: Error | undefined;
  let cancelled = false;
  const responded = new Promise<void>((resolve) => {
    stream.on('response', (head) => {
      if (head[':status'] !== 200) problem = new Error(`${path} was answered ${head[':status']}`);
      resolve();
    });
  });
  stream.on('trailers', (head) => {
    if (headers === heads.grpc && head['grpc-status'] !== '0')
      problem = new Error(`${path}: ${head['grpc-status']} ${head['grpc-message']}`);
  });
  stream.on('data', onData);
  stream.on('error', (error) => {
    problem = error;
  });
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('close', () => (problem && !cancelled ? reject(problem) : resolve()));
  });
  // Who opened it may look at its end only later.
  ended.catch(() => undefined);
  if (body !== undefined) stream.end(body);
  return {
    responded,
    ended,
    cancel() {
      cancelled = true;
      stream.close(NGHTTP2_CANCEL);
    },
  };
}
