import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:http2';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { peakGrowth } from '../support/process-memory.js';
import { type HostileBus, startBus } from './bus.js';
import { open, rawRequest } from './raw-http.js';

let bus: HostileBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.dispose());

const path = '/v1/topics/events/events';
const json = 'content-type: application/json\r\n';

/** A POST by hand; `connection: close`, so that the answer has an end. */
function head(headers: string, target = path): string {
  return `POST ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${headers}\r\n`;
}

test('tricks with the path name no other topic', async () => {
  const before = (await bus.stored()).length;
  for (const name of [
    'a%2fevents',
    '..',
    '%2e%2e',
    '..%2fevents',
    '%252e%252e',
    'events%00',
    'events%0d%0a',
    'events%20',
    '%ff',
    'x'.repeat(2000),
  ]) {
    const answer = await rawRequest(bus.port, `${head(`${json}content-length: 1\r\n`, `/v1/topics/${name}/events`)}1`);
    expect(answer, name).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(answer, name).toContain('application/problem+json');
  }
  expect(await bus.stored()).toHaveLength(before);
  await bus.check();
});

test('headers that contradict each other or hold line breaks are refused; nothing of them gets into an answer', async () => {
  const before = (await bus.stored()).length;
  const ce = 'ce-id: 1\r\nce-specversion: 1.0\r\nce-source: /s\r\nce-type: t\r\n';
  for (const [what, headers, expected] of [
    [
      'two types',
      `${json}content-type: application/x-ndjson\r\n`,
      /^HTTP\/1\.1 400 .*conflicting headers: content-type/s,
    ],
    [
      'two keys',
      `${json}mainstem-key: a\r\nmainstem-key: a\r\n`,
      /^HTTP\/1\.1 400 .*conflicting headers: mainstem-key/s,
    ],
    ['two ids', `${json}${ce}Ce-Id: 2\r\n`, /^HTTP\/1\.1 400 .*conflicting headers: ce-id/s],
    [
      'a break in an attribute',
      `${json}${ce}ce-subject: a%0d%0aset-cookie:%20x\r\n`,
      /^HTTP\/1\.1 400 .*subject has a character/s,
    ],
    ['a break in a name', `${json}${ce}ce-a%0d%0ab: x\r\n`, /^HTTP\/1\.1 400 /],
    ['a bare LF', `${json}mainstem-key: a\nset-cookie: x\r\n`, /^HTTP\/1\.1 400 /],
    ['length and chunks', `${json}transfer-encoding: chunked\r\n`, /^HTTP\/1\.1 400 /],
  ] as const) {
    const answer = await rawRequest(bus.port, `${head(`${headers}content-length: 1\r\n`)}1`);
    expect(answer, what).toMatch(expected);
    expect(answer.split('\r\n\r\n')[0], what).not.toMatch(/set-cookie/i);
  }
  expect(await bus.stored()).toHaveLength(before);
  // A key may hold anything: it is bytes, and nowhere a header.
  const socket = await open(bus.port);
  socket.write(`${head(`${json}content-length: 1\r\nmainstem-key: a%0d%0ab\r\n`)}1`);
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
  await bus.check();
});

test('who waits to be asked for the body is refused before it sends it, or asked', async () => {
  const expectation = (headers: string, target?: string) =>
    head(`${headers}content-length: 1\r\nexpect: 100-continue\r\n`, target);
  const first = async (bytes: string) => {
    const socket = await open(bus.port);
    socket.write(bytes);
    const [chunk] = await once(socket, 'data');
    return { socket, line: String(chunk).split('\r\n')[0] };
  };
  for (const [bytes, status] of [
    [expectation('content-type: text/plain\r\n'), 415],
    [expectation(json, '/v1/topics/missing/events'), 404],
    [expectation(json, `${path}?mode=none`), 400],
    [expectation(`${json}`, '/v1/nothing'), 404],
    [head(`${json}content-length: 99999999\r\nexpect: 100-continue\r\n`), 413],
  ] as const) {
    const { socket, line } = await first(bytes);
    expect(line).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    socket.destroy();
  }
  const { socket, line } = await first(expectation(json));
  expect(line).toBe('HTTP/1.1 100 Continue');
  socket.write('1');
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
  // Calls are asked as before.
  const call = await first(
    head(`${json}content-length: 41\r\nexpect: 100-continue\r\n`, '/mainstem.v1.PublishService/Publish'),
  );
  expect(call.line).toBe('HTTP/1.1 100 Continue');
  call.socket.destroy();

  const session = connect(bus.address);
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/json',
    expect: '100-continue',
  });
  await once(stream, 'continue');
  stream.end('2');
  const [headers] = await once(stream, 'response');
  expect(headers[':status']).toBe(200);
  session.destroy();
});

test('200,000 lines from a client that reads only when it has sent all: constant memory, and one summary', async () => {
  const lines = 200_000;
  const line = `{"filler":"${'x'.repeat(300)}"}\n`;
  const chunk = Buffer.from(line.repeat(1_000));
  const before = (await bus.stored('control')).length;
  const send = async (count: number) => {
    const sending = request(`${bus.address}/v1/topics/control/events`, {
      method: 'POST',
      agent: new Agent(),
      headers: { 'content-type': 'application/x-ndjson' },
    });
    const answered = once(sending, 'response');
    for (let i = 0; i < count / 1_000; i++) if (!sending.write(chunk)) await once(sending, 'drain');
    sending.end();
    const [response] = await answered;
    return JSON.parse(await text(response));
  };
  // What the process needs to get going counts as nothing.
  await send(20_000);
  const grown = await peakGrowth(bus.server.pid, async () => {
    expect(await send(lines)).toEqual({
      summary: { lines, accepted: lines, rejected: 0, notStored: 0, unknown: 0, warnings: [] },
    });
  });
  expect(grown).toBeLessThan(150);
  expect((await bus.stored('control')).length - before).toBe(lines + 20_000);
});

test('many uploads that hang in the middle of a line hold what they sent, and keep nobody waiting', async () => {
  const sockets = await Promise.all(Array.from({ length: 100 }, () => open(bus.port)));
  const grown = await peakGrowth(bus.server.pid, async () => {
    for (const socket of sockets) {
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n10000\r\n${'x'.repeat(65_536)}\r\n`,
      );
    }
    await bus.check();
  });
  expect(grown).toBeLessThan(100);
  for (const socket of sockets) socket.destroy();
  await bus.check();
});

test('a line that never ends is not collected', async () => {
  const piece = Buffer.alloc(64 * 1024, 0x78);
  const grown = await peakGrowth(bus.server.pid, async () => {
    const body = Readable.from(
      (function* () {
        yield '1\n';
        for (let i = 0; i < 400; i++) yield piece;
      })(),
    );
    const session = connect(bus.address);
    session.on('error', () => undefined);
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/x-ndjson' });
    stream.on('error', () => undefined);
    body.pipe(stream);
    expect(JSON.parse(await text(stream))).toMatchObject({
      summary: { accepted: 1, stopped: { line: 2, byte: 2, reason: 'EVENT_TOO_LARGE' } },
    });
    session.destroy();
  });
  expect(grown).toBeLessThan(60);
  await bus.check();
});
