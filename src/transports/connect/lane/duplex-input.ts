import { Buffer } from 'node:buffer';
import type { ServerHttp2Stream } from 'node:http2';
import { Code, ConnectError } from '@connectrpc/connect';
import { endStreamFlag } from '@connectrpc/connect/protocol-connect';
import type { CallForm } from './call-form.js';
import { envelopeBytes } from './envelope.js';

const compressedFlag = 1;

type Next = IteratorResult<readonly Uint8Array[], undefined>;

/**
 * The messages of a body in envelopes, those together that have arrived together. They are copied out, once for all of them: payloads are parts of
 * them, and must not hold on to what else came. Nothing is read ahead of who asks. Throws the adapter's errors, each at its place.
 */
export function readMessages(
  stream: ServerHttp2Stream,
  { protocol }: CallForm,
  readMaxBytes: number,
): AsyncIterableIterator<readonly Uint8Array[], undefined> {
  /** What has come; the first chunk was read up to `at`. */
  let chunks: Buffer[] = [];
  let at = 0;
  let unread = 0;
  let over = false;
  let asked: { resolve(next: Next): void; reject(error: unknown): void } | undefined;

  function take(): Next | undefined {
    const messages: Uint8Array[] = [];
    while (messages.length === 0 && unread >= envelopeBytes) {
      const length = together(envelopeBytes).readUInt32BE(at + 1);
      if (length > readMaxBytes) {
        const why = `message size ${length} is larger than configured readMaxBytes ${readMaxBytes}`;
        throw new ConnectError(why, Code.ResourceExhausted);
      }
      if (unread < envelopeBytes + length) break;
      takeFrom(together(envelopeBytes + length), messages);
    }
    if (messages.length > 0) return { done: false, value: messages };
    if (stream.readableEnded && !stream.aborted) {
      if (unread > 0) throw new ConnectError('protocol error: incomplete envelope', Code.InvalidArgument);
      return { done: true, value: undefined };
    }
    // A stream that is cut ends as well.
    if (stream.destroyed || stream.aborted) throw new ConnectError('the client is gone', Code.Canceled);
    return undefined;
  }

  /** Takes the whole messages of a chunk from `at` on, up to one that is an error: it is thrown where it is the first. */
  function takeFrom(chunk: Buffer, messages: Uint8Array[]): void {
    const from = at;
    const starts: number[] = [];
    while (chunk.length - at >= envelopeBytes) {
      const flags = chunk[at] ?? 0;
      const length = chunk.readUInt32BE(at + 1);
      if (length > readMaxBytes || length > chunk.length - at - envelopeBytes) break;
      if ((flags & compressedFlag) !== 0) {
        if (at > from) break;
        throw new ConnectError('received compressed envelope, but do not know how to decompress', Code.Internal);
      }
      // From a client an end of stream says nothing.
      if (protocol === 'grpc' || (flags & endStreamFlag) === 0) starts.push(at - from);
      at += envelopeBytes + length;
    }
    unread -= at - from;
    const copy = new Uint8Array(at - from);
    const { buffer } = copy;
    copy.set(chunk.subarray(from, at));
    for (const start of starts) {
      const length = chunk.readUInt32BE(from + start + 1);
      messages.push(new Uint8Array(buffer, start + envelopeBytes, length));
    }
    if (at === chunk.length) {
      chunks.shift();
      at = 0;
    }
  }

  /** The next so many bytes, which have come, in one chunk, from `at` on. */
  function together(bytes: number): Buffer {
    const [first = Buffer.alloc(0), ...rest] = chunks;
    if (first.length - at >= bytes) return first;
    const joined = Buffer.concat([first.subarray(at), ...rest]);
    chunks = [joined];
    at = 0;
    return joined;
  }

  /** Gives the one who asks what there is, if there is something. */
  function answer(): void {
    if (asked === undefined) return;
    const { resolve, reject } = asked;
    try {
      const next = take();
      if (next === undefined) return;
      asked = undefined;
      resolve(next);
    } catch (error) {
      asked = undefined;
      stop();
      reject(error);
    }
  }
  function onData(chunk: Buffer): void {
    chunks.push(chunk);
    unread += chunk.length;
    answer();
    if (asked === undefined) stream.pause();
  }
  function stop(): void {
    over = true;
    chunks = [];
    stream.off('data', onData);
    stream.pause();
  }
  stream.pause();
  stream.on('data', onData);
  stream.on('end', answer);
  stream.on('close', answer);

  return {
    next() {
      if (over) return Promise.resolve({ done: true, value: undefined });
      return new Promise<Next>((resolve, reject) => {
        asked = { resolve, reject };
        answer();
        if (asked !== undefined) stream.resume();
      });
    },
    return() {
      stop();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
