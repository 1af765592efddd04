import { Buffer } from 'node:buffer';
import type { ServerHttp2Stream } from 'node:http2';
import { Code, ConnectError } from '@connectrpc/connect';
import { endStreamFlag } from '@connectrpc/connect/protocol-connect';
import type { CallForm } from './call-form.js';
import { envelopeBytes } from './envelope.js';

const compressedFlag = 1;

type Next = IteratorResult<readonly Uint8Array[], undefined>;

/**
 * The messages of a body in envelopes, those together that have arrived together. They are copied out, once for all of a chunk: payloads are parts of
 * them, and must not hold on to what else came. One chunk at most is read ahead of who asks. Throws the adapter's errors, each at its place.
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
  /** Flags and length of the next message. */
  const head = Buffer.alloc(envelopeBytes);
  let over = false;
  let asked: { resolve(next: Next): void; reject(error: unknown): void } | undefined;

  function take(): Next | undefined {
    const messages: Uint8Array[] = [];
    while (unread >= envelopeBytes) {
      fill(head);
      const length = head.readUInt32BE(1);
      const trouble = troubleOf(head[0] ?? 0, length);
      if (trouble && messages.length > 0) break;
      if (trouble) throw trouble;
      if (unread < envelopeBytes + length) break;
      takeNext(messages, envelopeBytes + length);
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

  /** Why a message is refused; one that is compressed only once it is here. */
  function troubleOf(flags: number, length: number): ConnectError | undefined {
    if (length > readMaxBytes) {
      const why = `message size ${length} is larger than configured readMaxBytes ${readMaxBytes}`;
      return new ConnectError(why, Code.ResourceExhausted);
    }
    if ((flags & compressedFlag) === 0 || unread < envelopeBytes + length) return undefined;
    return new ConnectError('received compressed envelope, but do not know how to decompress', Code.Internal);
  }

  /** Takes the whole messages of the first chunk; or one that is cut by chunks, and takes so many bytes. */
  function takeNext(messages: Uint8Array[], bytes: number): void {
    const chunk = chunks[0];
    if (chunk === undefined || chunk.length - at < bytes) {
      const cut = Buffer.allocUnsafeSlow(bytes);
      fill(cut);
      if (isWanted(cut[0] ?? 0)) messages.push(new Uint8Array(cut.buffer, envelopeBytes));
      skip(bytes);
      return;
    }
    const from = at;
    let end = at;
    const starts: number[] = [];
    while (chunk.length - end >= envelopeBytes) {
      const flags = chunk[end] ?? 0;
      const length = chunk.readUInt32BE(end + 1);
      if (length > chunk.length - end - envelopeBytes || troubleOf(flags, length)) break;
      if (isWanted(flags)) starts.push(end);
      end += envelopeBytes + length;
    }
    const copy = Buffer.allocUnsafeSlow(end - from);
    chunk.copy(copy, 0, from, end);
    for (const start of starts) {
      messages.push(new Uint8Array(copy.buffer, start - from + envelopeBytes, chunk.readUInt32BE(start + 1)));
    }
    skip(end - from);
  }

  /** From a client an end of stream says nothing. */
  function isWanted(flags: number): boolean {
    return protocol === 'grpc' || (flags & endStreamFlag) === 0;
  }

  /** Copies what comes next into `target`, all of which has come. */
  function fill(target: Buffer): void {
    let filled = 0;
    let from = at;
    for (const chunk of chunks) {
      filled += chunk.copy(target, filled, from);
      if (filled === target.length) return;
      from = 0;
    }
  }

  function skip(bytes: number): void {
    unread -= bytes;
    at += bytes;
    for (let first = chunks[0]; first !== undefined && at >= first.length; first = chunks[0]) {
      at -= first.length;
      chunks.shift();
    }
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
    if (asked === undefined) stream.pause();
    else answer();
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
        if (asked !== undefined && stream.isPaused()) stream.resume();
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
