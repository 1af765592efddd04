import type { Buffer } from 'node:buffer';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import { BusError } from '../../core/errors.js';
import { isWhole, noticeCut } from '../cut-bodies.js';
import { askForBody } from '../expect-continue.js';
import { wholeRequestMs } from '../late-bodies.js';
import { type Exchange, headerOf } from './exchange.js';
import { ProblemError } from './problem.js';

const unzip = promisify(gunzip);

/**
 * A request's body, whole, in memory of its own. Throws REQUEST_TOO_LARGE (413) above `most` bytes, packed or unpacked, a 415 for a content coding other
 * than gzip, a 408 after 120 s, and CANCELLED where the client is gone.
 */
export async function readBody(exchange: Exchange, most: number): Promise<Uint8Array> {
  const { request, response } = exchange;
  const coding = codingOf(exchange);
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > most) throw tooLarge(most);
  askForBody(request, response);
  const body = await collect(exchange, most);
  return coding === 'gzip' ? unpacked(body, most) : body;
}

/** A request's body as a stream, unpacked where it is packed. It is not bounded. Throws a 415 as `readBody`. */
export function bodyStream(exchange: Exchange): Readable {
  const { request, response } = exchange;
  const coding = codingOf(exchange);
  askForBody(request, response);
  if (coding === 'identity') return request;
  const unpacking = createGunzip();
  // `pipeline` would cut the request, and with it the answer, where the unpacking fails.
  request.once('close', () => {
    if (!unpacking.readableEnded && !isWhole(request)) unpacking.destroy();
  });
  return request.pipe(unpacking);
}

/** A body that ended before its time: on HTTP/1.1 its client may have closed its half of the connection, and still read the answer. */
export function cutBody(): BusError {
  return new BusError(
    'CANCELLED',
    'the body was cut: it ended before its last chunk, or before the content-length that was announced; what is not told as stored is not',
  );
}

/** What is wrong with a packed body, for people. */
export function notGzip(cause: unknown): BusError {
  return new BusError('INVALID_REQUEST', 'the body is not in gzip, though its content-encoding says so', { cause });
}

function codingOf(exchange: Exchange): 'identity' | 'gzip' {
  const coding = (headerOf(exchange, 'content-encoding') ?? 'identity').trim().toLowerCase();
  if (coding === 'identity' || coding === '') return 'identity';
  if (coding === 'gzip' || coding === 'x-gzip') return 'gzip';
  const detail = `content-encoding ${JSON.stringify(coding.slice(0, 80))} is not known here; send the body as it is, or in gzip`;
  throw new ProblemError(
    { status: 415, title: 'Unsupported Media Type', detail },
    { 'accept-encoding': 'gzip, identity' },
  );
}

function collect({ request, signal }: Exchange, most: number): Promise<Uint8Array> {
  noticeCut(request);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const timer = setTimeout(() => fail(tooSlow()), wholeRequestMs);
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > most) fail(tooLarge(most));
      else chunks.push(chunk);
    };
    const onEnd = () => {
      leave();
      if (isWhole(request)) resolve(joined(chunks, bytes));
      else reject(cutBody());
    };
    const onClose = () => fail(signal.aborted ? BusError.from(signal.reason) : gone());
    function leave(): void {
      clearTimeout(timer);
      request.off('data', onData);
      request.off('end', onEnd);
      request.off('close', onClose);
    }
    function fail(error: Error): void {
      leave();
      request.pause();
      reject(error);
    }
    request.on('data', onData);
    request.on('end', onEnd);
    request.on('close', onClose);
  });
}

/** Payloads are parts of a body, and must not hold on to what else was in the connection's buffers. */
function joined(chunks: readonly Buffer[], bytes: number): Uint8Array {
  const body = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

async function unpacked(body: Uint8Array, most: number): Promise<Uint8Array> {
  try {
    return await unzip(body, { maxOutputLength: most });
  } catch (error) {
    const tooMuch = error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    throw tooMuch ? tooLarge(most) : notGzip(error);
  }
}

function tooLarge(most: number): BusError {
  return new BusError('REQUEST_TOO_LARGE', `the body has more than ${most} bytes, unpacked; send less at a time`);
}

function tooSlow(): ProblemError {
  const detail = `the body was not there whole after ${wholeRequestMs / 1000} s`;
  return new ProblemError({ status: 408, title: 'Request Timeout', detail });
}

function gone(): BusError {
  return new BusError('CANCELLED', 'the client is gone');
}
