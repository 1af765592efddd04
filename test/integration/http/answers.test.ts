import { connect as connectHttp2 } from 'node:http2';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMainstemClient } from '../../../src/client/index.js';
import { open, rawRequest } from '../../hostile/raw-http.js';
import { type HttpBus, openHttpBus } from '../../support/http-bus.js';

let bus: HttpBus;

beforeAll(async () => {
  bus = await openHttpBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
});
afterAll(() => bus[Symbol.asyncDispose]());

const port = () => bus.listener.port;
const post = (body: string, type: string, query = '') =>
  fetch(`${bus.url}/v1/topics/t/events${query}`, { method: 'POST', headers: { 'content-type': type }, body });

test.each(['', '?mode=independent'])('lines that are sent as JSON are told how lines are sent (%s)', async (query) => {
  const lines = await post('{"a":1}\n{"a":2}\n', 'application/json', query);
  expect(lines.status).toBe(400);
  expect(await lines.json()).toMatchObject({
    reason: 'PAYLOAD_NOT_JSON',
    detail: expect.stringContaining('content-type: application/x-ndjson'),
  });
  for (const other of ['{"a":1}}', '{"a":1},\n{"a":2}', 'x\ny']) {
    const answer = await post(other, 'application/json');
    expect(await answer.json()).toMatchObject({ detail: expect.not.stringContaining('ndjson') });
  }
  expect(await bus.stored('t')).toEqual([]);
});

test.each([
  ['now', 'latest'],
  ['0', 'earliest'],
  ['beginning', 'earliest'],
  ['1700000000000', '2026-01-31T09:30:00Z'],
])('from=%s is answered with the form that is valid', async (from, form) => {
  const answer = await fetch(`${bus.url}/v1/topics/t/events?from=${from}`);
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ reason: 'INVALID_REQUEST', detail: expect.stringContaining(form) });
  const client = createMainstemClient({ address: bus.url });
  const stream = client.frames({ topic: 't', from: { cursor: from } })[Symbol.asyncIterator]();
  await expect(stream.next()).rejects.toMatchObject({
    reason: 'CURSOR_MALFORMED',
    message: expect.not.stringContaining('copied whole'),
  });
  client.close();
});

test('a heartbeat out of range is answered with durations that are in it', async () => {
  const answer = await fetch(`${bus.url}/v1/topics/t/events?heartbeat=500ms`);
  expect(await answer.json()).toMatchObject({
    status: 400,
    detail: expect.stringMatching(/from 1s to 60s, such as 2s, 10s, 30s$/),
  });
});

test('two hosts are refused, on plain routes and calls', async () => {
  for (const path of ['/v1/topics', '/mainstem.v1.TopicService/ListTopics']) {
    const answer = await rawRequest(
      port(),
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nhOsT: other.example\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('more than one host');
  }
  const session = connectHttp2(bus.url);
  const stream = session.request({ ':path': '/v1/topics', ':authority': 'localhost', host: 'other.example' });
  const status = new Promise((resolve) => stream.once('response', (headers) => resolve(headers[':status'])));
  expect(await text(stream)).toContain('more than one host');
  expect(await status).toBe(400);
  session.close();
});

test('every answer is marked against sniffing: pages, documents, errors, calls of all kinds, and what is no HTTP', async () => {
  const asked = [
    '/',
    '/openapi.json',
    '/v1/topics',
    '/nothing',
    '/v1/topics/nowhere',
    '/livez',
    '/v1/topics/t/events?follow=false&from=earliest',
  ];
  for (const path of asked) {
    const answer = await fetch(`${bus.url}${path}`);
    expect({ path, sniff: answer.headers.get('x-content-type-options') }).toEqual({ path, sniff: 'nosniff' });
    await answer.body?.cancel();
  }
  const calls = [
    ['TopicService/ListTopics', 'application/json', '{}'],
    ['TopicService/GetTopic', 'application/json', '{"topic":"nowhere"}'],
    ['TopicService/ListTopics', 'application/grpc', Buffer.from([0, 0, 0, 0, 0])],
    ['SubscribeService/Subscribe', 'application/grpc', Buffer.from([0, 0, 0, 0, 3, 10, 1, 0x74])],
    ['PublishService/PublishStream', 'application/grpc', Buffer.from([0, 0, 0, 0, 0])],
  ] as const;
  const session = connectHttp2(bus.url);
  for (const [method, type, body] of calls) {
    const stream = session.request({
      ':path': `/mainstem.v1.${method}`,
      ':method': 'POST',
      'content-type': type,
      te: 'trailers',
    });
    const sniff = new Promise((resolve) =>
      stream.once('response', (headers) => resolve(headers['x-content-type-options'])),
    );
    stream.end(body);
    expect({ method, sniff: await sniff }).toEqual({ method, sniff: 'nosniff' });
    stream.close();
  }
  session.close();
  expect(await rawRequest(port(), 'what is this\r\n\r\n')).toMatch(
    /^HTTP\/1.1 400 Bad Request\r\n.*x-content-type-options: nosniff/s,
  );
});

test.each([
  ['chunked', 'transfer-encoding: chunked', 'd\r\n{"n":1}\n{"n":\r\n'],
  ['with a length', 'content-length: 100', '{"n":1}\n{"n":'],
])('an upload whose client closes its half in the middle is told what was stored: %s', async (name, header, body) => {
  const topic = `half-${name.slice(0, 4)}`;
  await bus.topics.create({ name: topic, settings: { schemaless: true }, adopt: false });
  const head = (type: string) =>
    `POST /v1/topics/${topic}/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\n${header}\r\n\r\n`;
  const socket = await open(port());
  socket.end(head('application/x-ndjson') + body);
  const answer = await text(socket);
  expect(answer).toMatch(/^HTTP\/1.1 200 /);
  const summary = JSON.parse(/\{"summary".*\}/.exec(answer)?.[0] ?? '{}').summary;
  expect(summary).toMatchObject({ accepted: 1, stopped: { line: 2, reason: 'CANCELLED' } });
  expect(await bus.stored(topic)).toMatchObject([{ payload: '{"n":1}' }]);
  // A body that is one event is refused as a whole, though what came of it may be JSON.
  const whole = await rawRequest(port(), head('application/json') + body);
  expect(whole).toContain('the body was cut');
  expect(await bus.stored(topic)).toHaveLength(1);
});
