import { Buffer } from 'node:buffer';
import { request as httpRequest } from 'node:http';
import type { ClientHttp2Session } from 'node:http2';
import type { Call } from './calls.js';

/** What came back, whichever protocol it was. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly trailers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

const answerWithinMs = 20_000;

export function send(call: Call, port: number, session: ClientHttp2Session): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no answer within ${answerWithinMs} ms`)), answerWithinMs);
    const chunks: Buffer[] = [];
    const done = (status: number, headers: object, trailers: object) => {
      clearTimeout(late);
      resolve({ status, headers: { ...headers }, trailers: { ...trailers }, body: Buffer.concat(chunks) });
    };
    const failed = (error: Error) => {
      clearTimeout(late);
      reject(error);
    };
    if (call.httpVersion === '2') {
      const stream = session.request({ ':method': 'POST', ':path': call.path, ...call.headers });
      let [headers, trailers]: object[] = [{}, {}];
      let status = 0;
      stream.on('response', (head) => {
        headers = head;
        status = Number(head[':status']);
      });
      stream.on('trailers', (found) => {
        trailers = found;
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', failed);
      stream.on('close', () => done(status, headers ?? {}, trailers ?? {}));
      stream.end(call.body);
    } else {
      const request = httpRequest({
        port,
        host: '127.0.0.1',
        path: call.path,
        method: 'POST',
        headers: call.headers,
        agent: false,
      });
      request.on('error', failed);
      request.on('response', (response) => {
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', failed);
        response.on('end', () => done(response.statusCode ?? 0, response.headers, response.trailers));
      });
      request.end(call.body);
    }
  });
}

const grpcCodes = [
  'ok',
  'canceled',
  'unknown',
  'invalid_argument',
  'deadline_exceeded',
  'not_found',
  'already_exists',
  'permission_denied',
  'resource_exhausted',
  'failed_precondition',
  'aborted',
  'out_of_range',
  'unimplemented',
  'internal',
  'unavailable',
  'data_loss',
  'unauthenticated',
];
/** What a client may be told that sent nonsense. `internal` and `unknown` are not: they say that the server is at a loss. */
const expected = new Set(
  grpcCodes.filter(
    (code) => !['unknown', 'internal', 'data_loss', 'permission_denied', 'unauthenticated'].includes(code),
  ),
);

/** What is wrong with an answer; undefined: nothing. */
export function fault(answer: Answer): string | undefined {
  const code = codeOf(answer);
  if (code !== undefined && expected.has(code)) return undefined;
  return `${code ?? 'no code'}: status ${answer.status}, ${JSON.stringify(answer.headers)}, ${JSON.stringify(answer.trailers)}, ${answer.body.subarray(0, 300).toString()}`;
}

/** The code of an answer, where the protocol has it; undefined where it has none. */
function codeOf({ status, headers, trailers, body }: Answer): string | undefined {
  const type = String(headers['content-type'] ?? '');
  if (type.startsWith('application/grpc-web'))
    return grpcCode(/grpc-status: ?(\d+)/.exec(body.toString('latin1'))?.[1] ?? headers['grpc-status']);
  if (type.startsWith('application/grpc')) return grpcCode(trailers['grpc-status'] ?? headers['grpc-status']);
  if (type.startsWith('application/connect+')) return endOfStream(body);
  if (status === 200) return 'ok';
  // Refused before it was a call: the path, the method, the content type, the size of the headers.
  if (!type.startsWith('application/json'))
    return [400, 404, 405, 413, 415, 431, 505].includes(status) ? 'invalid_argument' : undefined;
  return jsonCode(JSON.parse(body.toString()));
}

const grpcCode = (status: unknown): string | undefined =>
  status === undefined ? undefined : grpcCodes[Number(status)];

function endOfStream(body: Buffer): string | undefined {
  for (let at = 0; at + 5 <= body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    if ((body[at] ?? 0) & 2) {
      const parsed: { error?: unknown } = JSON.parse(body.subarray(at + 5, end).toString());
      return parsed.error === undefined ? 'ok' : jsonCode(parsed.error);
    }
    at = end;
  }
  return undefined;
}

function jsonCode(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined;
}
