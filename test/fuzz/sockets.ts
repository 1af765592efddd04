import { Buffer } from 'node:buffer';
import { connect } from 'node:net';
import fc from 'fast-check';
import { frame, preface } from '../support/http2-frames.js';

/** What a raw socket sends, piece by piece, before it goes away. */
export interface Bytes {
  readonly pieces: readonly Buffer[];
  /** Without closing its side first. */
  readonly abrupt: boolean;
}

const http1 = fc
  .record({
    line: fc.constantFrom(
      'GET / HTTP/1.1',
      'POST /mainstem.v1.PublishService/Publish HTTP/1.1',
      'PRI * HTTP/2.0',
      'GET /livez HTTP/1.0',
      'OPTIONS * HTTP/1.1',
      'CONNECT x:1 HTTP/1.1',
    ),
    headers: fc.array(
      fc.constantFrom(
        'host: x',
        'content-length: 5',
        'content-length: -1',
        'transfer-encoding: chunked',
        'transfer-encoding: x',
        'expect: 100-continue',
        'connection: upgrade',
        'upgrade: h2c',
        'content-type: application/json',
        'range: bytes=0-',
      ),
      { maxLength: 6 },
    ),
    body: fc.uint8Array({ maxLength: 60 }),
  })
  .map(({ line, headers, body }) =>
    Buffer.concat([Buffer.from(`${line}\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n`), body]),
  );

const frames = fc
  .array(
    fc.record({
      type: fc.integer({ min: 0, max: 12 }),
      flags: fc.nat(255),
      stream: fc.constantFrom(0, 1, 3, 2, 5, 2 ** 31 - 1),
      payload: fc.uint8Array({ maxLength: 64 }),
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map((list) =>
    Buffer.concat([preface, ...list.map(({ type, flags, stream, payload }) => frame(type, flags, stream, payload))]),
  );

export const bytes: fc.Arbitrary<Bytes> = fc.record({
  pieces: fc.array(
    fc.oneof(
      http1,
      frames,
      fc.uint8Array({ maxLength: 200 }).map((data) => Buffer.from(data)),
    ),
    { minLength: 1, maxLength: 3 },
  ),
  abrupt: fc.boolean(),
});

/** Sends the bytes; resolves when the connection is closed, by the server or by us once the server had its say. */
export function throwBytes({ pieces, abrupt }: Bytes, port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1').setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.resume();
    for (const piece of pieces) socket.write(piece);
    // A connection that the server keeps open, waiting for more, is ours to end.
    if (abrupt) socket.write('', () => setImmediate(() => socket.destroy()));
    else {
      socket.end();
      setTimeout(() => socket.destroy(), 1_000).unref();
    }
  });
}
