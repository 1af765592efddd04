import { Buffer } from 'node:buffer';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { create, fromJson, toBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PublishRequestSchema } from '../../src/gen/mainstem/v1/publish_pb.js';
import { StartPosition, SubscribeService } from '../../src/gen/mainstem/v1/subscribe_pb.js';
import { connectHandler } from '../../src/transports/connect/routes.js';
import { type Listener, listen } from '../../src/transports/listener.js';
import { type Answer, envelope, http2 } from '../support/http2-call.js';
import { openBus, type TestBus } from '../support/open-bus.js';

const publishPath = '/mainstem.v1.PublishService/Publish';
const streamPath = '/mainstem.v1.PublishService/PublishStream';

/** What a JSON parser changes, refuses or loses. */
const payloads = [
  '12345678901234567890',
  '1.0',
  '-0',
  '1e400',
  '"\\ud800 \\/ \\u0061"',
  'null',
  '{"z":1,"a":2,"10":3,"2":4}',
  '{"a":1,"a":2}',
  '{"__proto__":{"x":1},"constructor":1}',
  '{ "a" :\t[ 1 ,\r\n 2 ] }',
  '{"json":[{"events":[{"json":"\\"]}"}]}]}',
  '"ü 😀 \u2028 \ufeff"',
  '['.repeat(100) + ']'.repeat(100),
  `${'{"a":['.repeat(50)}${']}'.repeat(50)}`,
];

let bus: TestBus;
const servers: Record<'lane' | 'adapter', { listener: Listener; url: string } | undefined> = {
  lane: undefined,
  adapter: undefined,
};

beforeAll(async () => {
  bus = await openBus();
  for (const name of ['lane', 'adapter'] as const) {
    const handler = connectHandler({
      publishing: bus.publisher,
      subscriptions: bus.subscriptions,
      topics: bus.topics,
      schemas: bus.schemas,
      readiness: () => ({ ready: true, dependencies: [] }),
      onInternalError: () => undefined,
      fastLane: name === 'lane',
    });
    const listener = await listen({ host: '127.0.0.1', port: 0, handler, onError: () => undefined });
    servers[name] = { listener, url: `http://127.0.0.1:${listener.port}` };
  }
});
afterAll(async () => {
  for (const server of Object.values(servers)) await server?.listener.close({ graceMs: 0 });
  await bus[Symbol.asyncDispose]();
});

async function http1(url: string, body: Uint8Array, headers: Record<string, string>): Promise<Answer> {
  const response = await fetch(url + publishPath, { method: 'POST', body, headers });
  return { status: response.status, headers: {}, text: await response.text(), trailers: {} };
}

/** Every way in for a request in JSON. */
const ways: Record<string, (url: string, body: Uint8Array) => Promise<Answer>> = {
  'Connect, HTTP/1.1': (url, body) => http1(url, body, { 'content-type': 'application/json' }),
  'Connect, HTTP/1.1, gzip': (url, body) =>
    http1(url, gzipSync(body), { 'content-type': 'application/json', 'content-encoding': 'gzip' }),
  'Connect, HTTP/2': (url, body) => http2(url, publishPath, 'application/json', body),
  'Connect, HTTP/2, gzip': (url, body) =>
    http2(url, publishPath, 'application/json', gzipSync(body), { 'content-encoding': 'gzip' }),
  'Connect stream': (url, body) => http2(url, streamPath, 'application/connect+json', envelope(body)),
  gRPC: (url, body) => http2(url, publishPath, 'application/grpc+json', envelope(body)),
  'gRPC, gzip': (url, body) =>
    http2(url, publishPath, 'application/grpc+json', envelope(gzipSync(body), 1), { 'grpc-encoding': 'gzip' }),
  'gRPC stream': (url, body) => http2(url, streamPath, 'application/grpc+json', envelope(body)),
  'gRPC-Web': (url, body) => http2(url, publishPath, 'application/grpc-web+json', envelope(body)),
};

async function newTopic(): Promise<string> {
  const name = `t${Math.random().toString(36).slice(2)}`;
  await bus.topics.create({ name, settings: { schemaless: true }, adopt: false });
  return name;
}

async function storedIn(topic: string): Promise<string[]> {
  const read = await bus.log.read(topic, 0, 0, 1_000_000);
  if (read.outcome !== 'ok') throw new Error(read.outcome);
  return read.records.map(({ value }) => Buffer.from(value ?? []).toString());
}

describe.each(['lane', 'adapter'] as const)('by the %s', (name) => {
  const url = () => servers[name]?.url ?? '';

  test.each(Object.entries(ways))('%s: payloads go in as they were written', async (_, send) => {
    const topic = await newTopic();
    const events = payloads.map((payload, i) => `{"keyText":"k","${i % 2 ? 'json' : '\\u006ason'}" : ${payload} }`);
    const { status, text } = await send(url(), Buffer.from(`{"topic":"${topic}","events":[${events.join(',')}]}`));
    expect(status, text).toBe(200);
    expect(JSON.parse(text).results).toHaveLength(payloads.length);
    expect(await storedIn(topic)).toEqual(payloads);
  });

  test.each(Object.entries(ways))('%s: what is wrong in a request is told, and nothing is stored', async (_, send) => {
    const topic = await newTopic();
    const refused = async (events: string) => {
      const { text, trailers } = await send(url(), Buffer.from(`{"topic":"${topic}","events":[${events}]}`));
      return decodeURIComponent(`${text}${trailers['grpc-message'] ?? ''}`);
    };
    expect(await refused('{"json":1,"json":2}')).toContain('duplicate object key');
    expect(await refused('{"json":1,"jsonBytes":"MQ=="}')).toContain('oneof set multiple times');
    expect(await refused('{"json":1,"jsno":2}')).toContain('is unknown');
    expect(await refused('{"json":1},{"json":{"a":}}')).toContain('event 1: the payload is not JSON');
    const deep = '['.repeat(101) + ']'.repeat(101);
    expect(await refused(`{"json":1},{"json":${deep}}`)).toContain('event 1: the payload is nested deeper than 100');
    expect(await storedIn(topic)).toEqual([]);
  });

  test('a text payload in the JSON form, and a Value in the binary one, are what they say', async () => {
    const topic = await newTopic();
    const inJson = `{"topic":"${topic}","events":[{"json":"plain"},{"jsonBytes":"${Buffer.from('1.0').toString('base64')}"}]}`;
    expect(await http2(url(), publishPath, 'application/json', Buffer.from(inJson))).toMatchObject({ status: 200 });
    const value = fromJson(ValueSchema, 'binary');
    const inBinary = create(PublishRequestSchema, { topic, events: [{ payload: { case: 'json', value } }] });
    const sent = await http2(url(), publishPath, 'application/proto', toBinary(PublishRequestSchema, inBinary));
    expect(sent).toMatchObject({ status: 200 });
    expect(await storedIn(topic)).toEqual(['"plain"', '1.0', '"binary"']);
  });
});

test('from curl to a subscriber: out as it went in', async () => {
  const topic = await newTopic();
  const url = servers.lane?.url ?? '';
  for (const payload of payloads) {
    const body = `{"topic":"${topic}","events":[{"json":${payload}}]}`;
    const args = ['-sS', '--fail-with-body', '-H', 'content-type: application/json', '--data-binary', body];
    await promisify(execFile)('curl', [...args, url + publishPath]);
  }
  const client = createClient(SubscribeService, createGrpcTransport({ baseUrl: url }));
  const got: string[] = [];
  for await (const { frame } of client.subscribe({
    topic,
    from: { case: 'position', value: StartPosition.EARLIEST },
    follow: false,
  })) {
    if (frame.case === 'events')
      for (const { jsonBytes } of frame.value.records) got.push(Buffer.from(jsonBytes).toString());
  }
  expect(got).toEqual(payloads);
});
