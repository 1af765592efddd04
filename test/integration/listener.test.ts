import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { type ListenOptions, listen } from '../../src/transports/listener.js';
import { startBus, type TestBus } from './listener-support.js';

const running: TestBus[] = [];
const sessions: ClientHttp2Session[] = [];

async function start(options?: Partial<ListenOptions>): Promise<TestBus> {
  const bus = await startBus(options);
  running.push(bus);
  return bus;
}

function http2(url: string, ca?: string): ClientHttp2Session {
  const session = connectHttp2(url, ca === undefined ? {} : { ca });
  session.on('error', () => undefined);
  sessions.push(session);
  return session;
}

function get(session: ClientHttp2Session, path: string, headers: Record<string, string> = {}, body?: string) {
  const stream = session.request({ ':path': path, ':method': body === undefined ? 'GET' : 'POST', ...headers });
  stream.end(body);
  const cut = once(stream, 'close').then(() => {
    if (stream.rstCode !== 0 || !stream.readableEnded) throw new Error('the stream was cut');
  });
  const answer = Promise.all([once(stream, 'response'), text(stream)]).then(([[head], content]) => ({
    status: Number(head[':status']),
    content,
  }));
  answer.catch(() => undefined);
  cut.catch(() => undefined);
  return Promise.race([answer, cut.then(() => answer)]);
}

const publishPath = '/mainstem.v1.PublishService/Publish';
const json = { 'content-type': 'application/json' };
const held = '{"topic":"held","events":[{"json":1}]}';

/** Sends bytes as they are; resolves with all that comes until the server closes. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => undefined);
  if (bytes !== '') socket.write(bytes);
  return text(socket);
}

afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  await Promise.all(running.splice(0).map(({ listener }) => listener.close({ graceMs: 0 })));
});

test('one port speaks HTTP/1.1 and HTTP/2, and tells them apart however slowly the first bytes come', async () => {
  const { url, listener } = await start();
  expect(await (await fetch(`${url}/livez`)).text()).toBe('alive\n');
  expect(await get(http2(url), '/livez')).toEqual({ status: 200, content: 'alive\n' });

  const slow = connectTcp(listener.port, '127.0.0.1').setNoDelay(true);
  // POST begins like PRI.
  for (const byte of 'POST /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n') {
    await new Promise((resolve) => slow.write(byte, resolve));
    await new Promise(setImmediate);
  }
  expect(await text(slow)).toMatch(/^HTTP\/1.1 405 /);
});

test('plain routes: readiness, a welcome, and problem details for the rest', async () => {
  const bus = await start();
  const ready = await fetch(`${bus.url}/readyz`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toEqual({
    ready: true,
    dependencies: [{ name: 'memory', state: 'up', since: '1970-01-01T00:00:00.000Z' }],
  });
  bus.ready = false;
  expect((await fetch(`${bus.url}/readyz`)).status).toBe(503);
  expect((await fetch(`${bus.url}/livez`)).status).toBe(200);
  expect(await (await fetch(bus.url)).text()).toContain(
    `curl -H 'content-type: application/json' -d '{"topic":"hello","settings":{"schemaless":true}}' ${bus.url}/mainstem.v1.TopicService/CreateTopic`,
  );

  const head = await fetch(`${bus.url}/livez`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '6', '']);
  const missing = await fetch(`${bus.url}/nothing?x=1`);
  expect(missing.headers.get('content-type')).toBe('application/problem+json');
  expect(await missing.json()).toMatchObject({ status: 404, title: 'Not Found', type: 'about:blank' });
  const wrong = await fetch(`${bus.url}/readyz`, { method: 'DELETE' });
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
});

test('a connection that says nothing is closed; so is one whose headers never end', async () => {
  const { listener } = await start({ openingTimeoutMs: 200 });
  expect(await raw(listener.port, '')).toBe('');
  expect(await raw(listener.port, 'PR')).toBe('');
  expect(await raw(listener.port, 'GET / HTTP/1.1\r\nhost: x\r\nx-slow: ')).toMatch(/^HTTP\/1.1 408 /);
});

test('a request that makes no sense is answered, and the server goes on', async () => {
  const { listener, url } = await start();
  expect(await raw(listener.port, `POST ${publishPath} HTTP/1.0\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 /);
  expect(await raw(listener.port, `POST ${publishPath} HTTP/1.1\r\nhost: [\r\nconnection: close\r\n\r\n`)).toMatch(
    /^HTTP\/1.1 400 /,
  );
  expect(await raw(listener.port, `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(40_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1.1 431 /,
  );
  expect(await raw(listener.port, 'PRI nonsense\r\n\r\n')).toBeDefined();
  expect((await fetch(`${url}/livez`)).status).toBe(200);
});

test('a taken port is named, with what to do', async () => {
  const { listener } = await start();
  const second = listen({ host: '127.0.0.1', port: listener.port, handler: () => undefined, onError: () => undefined });
  await expect(second).rejects.toThrow(
    `port ${listener.port} on 127.0.0.1 is in use by another program; choose another one with --port`,
  );
});

test('over TLS the same port speaks both, by ALPN and without', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'mainstem-tls-'));
  try {
    const [keyFile, certFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const keep = ['-keyout', keyFile, '-out', certFile];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...keep, ...subject],
      {
        stdio: 'ignore',
      },
    );
    const cert = readFileSync(certFile, 'utf8');
    const { url, listener } = await start({ tls: { cert, key: readFileSync(keyFile, 'utf8') } });

    expect(await get(http2(url, cert), '/livez')).toEqual({ status: 200, content: 'alive\n' });
    expect(await get(http2(url, cert), publishPath, json, '{"topic":"t","events":[{"json":1}]}')).toMatchObject({
      status: 200,
    });
    for (const ALPNProtocols of [['http/1.1'], undefined]) {
      const socket = connectTls({
        port: listener.port,
        host: '127.0.0.1',
        ca: cert,
        ...(ALPNProtocols ? { ALPNProtocols } : {}),
      });
      await once(socket, 'secureConnect');
      socket.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n');
      expect(await text(socket)).toContain('https://127.0.0.1/readyz');
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('closing ends idle connections at once, lets calls under way finish, and accepts no more', async () => {
  const bus = await start();
  const { listener, url, waiting, progress } = bus;
  const [idle, busy] = [http2(url), http2(url)];
  await get(idle, '/livez');
  const agent = new Agent({ keepAlive: true });
  const idleRequest = httpRequest(`${url}/livez`, { agent });
  idleRequest.end();
  const [idleSocket] = await once(idleRequest, 'socket');
  const [idleResponse] = await once(idleRequest, 'response');
  await text(idleResponse);
  const silent = connectTcp(listener.port, '127.0.0.1').resume();
  await once(silent, 'connect');
  const busyHttp1 = fetch(`${url}${publishPath}`, { method: 'POST', headers: json, body: held });
  const busyHttp2 = get(busy, publishPath, json, held);
  await progress.until(() => waiting.size === 2);

  const idleClosed = Promise.all([once(idle, 'close'), once(idleSocket, 'close'), once(silent, 'close')]);
  const closed = listener.close({ graceMs: 60_000 });
  await idleClosed;
  await expect(fetch(`${url}/livez`)).rejects.toThrow();
  expect(waiting.size).toBe(2);

  bus.release();
  const answer = await busyHttp1;
  expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
  expect(await busyHttp2).toMatchObject({ status: 200 });
  await closed;
  agent.destroy();
});

test('what outlasts the grace period is cut, and its call ends', async () => {
  const { listener, url, waiting, progress } = await start();
  const calls = [
    fetch(`${url}${publishPath}`, { method: 'POST', headers: json, body: held }),
    get(http2(url), publishPath, json, held),
  ];
  const failed = Promise.allSettled(calls);
  await progress.until(() => waiting.size === 2);
  const patient = listener.close({ graceMs: 60_000 });
  await listener.close({ graceMs: 0 });
  await patient;
  expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await progress.until(() => waiting.size === 0);
});
