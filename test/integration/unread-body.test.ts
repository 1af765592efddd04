import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer as createHttp1 } from 'node:http';
import { connect, createServer as createHttp2 } from 'node:http2';
import { type AddressInfo, createConnection } from 'node:net';
import type { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import type { HttpRequest, HttpResponse } from '../../src/transports/node-http.js';
import { discardUnread } from '../../src/transports/unread-body.js';

const MiB = 1024 * 1024;
const never = 2 ** 31 - 1;

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const one of cleanup.splice(0)) one();
});

/** Answers every request without a look at its body. */
async function answersEarly(
  version: 1 | 2,
  limits: { bytes: number; ms: number; silenceMs?: number },
): Promise<string> {
  const handler = (request: HttpRequest, response: HttpResponse) => {
    request.on('error', () => undefined);
    discardUnread(request, response, limits);
    response.end('no');
  };
  const server = version === 1 ? createHttp1(handler) : createHttp2(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

/** Also after an error, which a reset is. */
const closed = (stream: Writable) => new Promise((resolve) => stream.once('close', resolve));

/** A request whose body is for the test to write. `cut` resolves with HTTP/2's error code; over HTTP/1.1 when the connection is gone. */
function post(version: 1 | 2, url: string) {
  if (version === 2) {
    const session = connect(url);
    cleanup.push(() => session.destroy());
    const stream = session.request({ ':method': 'POST', ':path': '/' }, { endStream: false });
    stream.on('error', () => undefined);
    return { body: stream, answer: text(stream), cut: closed(stream).then(() => stream.rstCode) };
  }
  // Not Node's HTTP client, which sends no more once it has its answer.
  const { hostname, port } = new URL(url);
  const socket = createConnection(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${Number.MAX_SAFE_INTEGER}\r\n\r\n`);
  cleanup.push(() => socket.destroy());
  const answer = once(socket, 'data').then(([data]) => String(data).split('\r\n\r\n').at(-1));
  return { body: socket, answer, cut: closed(socket) };
}

/** Writes as fast as it is taken, at most `bytes`; resolves with how much went out before the end of it, or of `until`. */
async function send(body: Writable, bytes: number, until: Promise<unknown>): Promise<number> {
  let over = false;
  const end = until.then(() => {
    over = true;
  });
  const chunk = Buffer.alloc(MiB);
  let sent = 0;
  for (; sent < bytes && !over; sent += chunk.length) {
    if (!body.write(chunk)) await Promise.race([once(body, 'drain').catch(() => end), end]);
  }
  return sent;
}

test.each([[1], [2]] as const)(
  'HTTP/%i: whoever sends on after the answer gets rid of all, and reads it',
  async (version) => {
    const { body, answer, cut } = post(version, await answersEarly(version, { bytes: 64 * MiB, ms: never }));
    expect(await send(body, 32 * MiB, cut)).toBe(32 * MiB);
    body.end();
    await once(body, 'finish');
    expect(await answer).toBe('no');
  },
);

test.each([[1], [2]] as const)('HTTP/%i: a body without end is cut at the limit, after the answer', async (version) => {
  const { body, answer, cut } = post(version, await answersEarly(version, { bytes: 8 * MiB, ms: never }));
  // The answer ends before the stream does, which the client may hear first.
  expect(await send(body, Number.POSITIVE_INFINITY, cut)).toBeGreaterThan(8 * MiB);
  expect(await answer).toBe('no');
});

const short = [{ ms: 100 }, { ms: never, silenceMs: 100 }];
const versions = [1, 2] as const;
test.each(versions.flatMap((version) => short.map((limits) => ({ version, limits }))))(
  'HTTP/$version: a body that just stops coming is cut as well ($limits)',
  async ({ version, limits }) => {
    const { body, answer, cut } = post(version, await answersEarly(version, { bytes: never, ...limits }));
    body.write('a little');
    const code = await cut;
    expect(await answer).toBe('no');
    // No error: the answer holds (RFC 9113, 8.1).
    if (version === 2) expect(code).toBe(0);
  },
);
