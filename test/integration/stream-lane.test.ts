import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { type ClientHttp2Stream, connect, constants as http2Codes } from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { create, fromBinary, fromJsonString, toBinary, toJson, toJsonString } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  StartPosition,
  SubscribeRequestSchema,
  type SubscribeResponse,
  SubscribeResponseSchema,
} from '../../src/gen/mainstem/v1/subscribe_pb.js';
import { envelope } from '../support/http2-call.js';
import { type LaneStand, openLaneStand } from '../support/lane-stand.js';
import { openBus, type TestBus } from '../support/open-bus.js';

const path = '/mainstem.v1.SubscribeService/Subscribe';
const events = 3_000;

let bus: TestBus;
let stand: LaneStand;

beforeAll(async () => {
  bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true, partitions: 3 }, adopt: false });
  // More than a frame holds, and records of every size.
  for (let at = 0; at < events; at += 100) {
    const records = Array.from({ length: 100 }, (_, i) => ({
      key: i % 2 ? Buffer.from(`k${i}`) : null,
      value: Buffer.from(JSON.stringify({ n: at + i, text: 'x'.repeat((i * i) % 1_500) })),
      headers: i % 3 ? [] : [['mainstem_schema', Buffer.from('0')] as const, ['x', Buffer.from('y')] as const],
    }));
    await bus.log.append('t', (at / 100) % 3, records);
  }
  stand = await openLaneStand(bus, { subscriptions: bus.subscriptions });
});
afterAll(async () => {
  await stand[Symbol.asyncDispose]();
  await bus[Symbol.asyncDispose]();
});

const message = (topic: string) =>
  create(SubscribeRequestSchema, {
    topic,
    from: { case: 'position', value: StartPosition.EARLIEST },
    follow: false,
  });
const proto = (topic: string) => Buffer.from(toBinary(SubscribeRequestSchema, message(topic)));
const json = (topic: string) => Buffer.from(toJsonString(SubscribeRequestSchema, message(topic)));

interface Call {
  readonly type: string;
  readonly body: Uint8Array;
  readonly headers?: Record<string, string>;
}

const usual: Record<string, Call> = {
  gRPC: { type: 'application/grpc', body: envelope(proto('t')), headers: { 'grpc-accept-encoding': 'gzip' } },
  'gRPC in JSON': { type: 'application/grpc+json', body: envelope(json('t')) },
  Connect: { type: 'application/connect+proto', body: envelope(proto('t')) },
  'Connect in JSON': {
    type: 'application/connect+json',
    body: envelope(json('t')),
    headers: { 'connect-accept-encoding': 'gzip' },
  },
  'an error of the bus, gRPC': { type: 'application/grpc', body: envelope(proto('missing')) },
  'an error of the bus, Connect': { type: 'application/connect+proto', body: envelope(proto('missing')) },
  'an undecodable message, gRPC': { type: 'application/grpc', body: envelope(Buffer.from('nonsense')) },
  'an undecodable message, Connect': { type: 'application/connect+json', body: envelope(Buffer.from('{"topik":1}')) },
};

const unusual: Record<string, Call> = {
  'two messages': { type: 'application/grpc', body: Buffer.concat([envelope(proto('t')), envelope(proto('t'))]) },
  'no message': { type: 'application/connect+proto', body: Buffer.alloc(0) },
  'a cut envelope': { type: 'application/grpc', body: envelope(proto('t')).subarray(0, -1) },
  compressed: {
    type: 'application/grpc',
    body: envelope(gzipSync(proto('t')), 1),
    headers: { 'grpc-encoding': 'gzip' },
  },
  'compressed, Connect': {
    type: 'application/connect+proto',
    body: envelope(gzipSync(proto('t')), 1),
    headers: { 'connect-content-encoding': 'gzip' },
  },
  'a deadline': { type: 'application/grpc', body: envelope(proto('t')), headers: { 'grpc-timeout': '60S' } },
  'a deadline, Connect': {
    type: 'application/connect+proto',
    body: envelope(proto('t')),
    headers: { 'connect-timeout-ms': '60000' },
  },
  'gRPC-Web': { type: 'application/grpc-web+proto', body: envelope(proto('t')) },
  'without a stream': { type: 'application/json', body: json('t') },
};

async function called(url: string, { type, body, headers }: Call) {
  const session = connect(url);
  try {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': type, ...headers });
    let trailers = {};
    stream.on('trailers', (got) => {
      trailers = { ...got };
    });
    const head = once(stream, 'response');
    stream.end(body);
    const [{ date: _, 'grpc-encoding': __, 'connect-content-encoding': ___, ...answered }] = await head;
    const content = await buffer(stream);
    // A stream's id is its own; what else differs is a mistake.
    return { answered, trailers, messages: type === 'application/json' ? content.toString() : messages(content, type) };
  } finally {
    session.close();
  }
}

function messages(content: Buffer, type: string): unknown[] {
  const found: unknown[] = [];
  for (let at = 0; at < content.length; ) {
    const end = at + 5 + content.readUInt32BE(at + 1);
    const bytes = content.subarray(at + 5, end);
    found.push(content[at] === 0 ? steady(decoded(bytes, type)) : [content[at], bytes.toString()]);
    at = end;
  }
  return found;
}

function decoded(bytes: Buffer, type: string): SubscribeResponse {
  return type.includes('json')
    ? fromJsonString(SubscribeResponseSchema, bytes.toString())
    : fromBinary(SubscribeResponseSchema, bytes);
}

function steady(response: SubscribeResponse) {
  if (response.frame.case === 'ready') response.frame.value.streamId = 'id';
  // In which order partitions are read, and so how records fall into frames, depends on the moment.
  if (response.frame.case !== 'events') return toJson(SubscribeResponseSchema, response);
  return response.frame.value.records.map(
    (record) => `${record.partition}/${record.offset}:${record.jsonBytes.length}`,
  );
}

/** All records in the order of their places, and the other frames as they came. */
function bySort(answer: Awaited<ReturnType<typeof called>>) {
  if (typeof answer.messages === 'string') return answer;
  const records = answer.messages.filter((one) => Array.isArray(one) && typeof one[0] === 'string').flat();
  const others = answer.messages.filter((one) => !(Array.isArray(one) && typeof one[0] === 'string'));
  return { ...answer, messages: others, records: records.sort() };
}

const both = async (call: Call) => {
  const [lane, adapter] = await Promise.all([called(stand.lane, call), called(stand.adapter, call)]);
  return [bySort(lane), bySort(adapter)];
};

test.each(Object.entries(usual))('%s: the lane answers, as the adapter would', async (name, call) => {
  const before = stand.passedOn;
  const [lane, adapter] = await both(call);
  expect(stand.passedOn).toBe(before);
  expect(lane).toEqual(adapter);
  if (!/error|undecodable/.test(name)) expect(lane).toMatchObject({ records: { length: events } });
});

test.each(Object.entries(unusual))('%s: the adapter answers', async (_, call) => {
  const before = stand.passedOn;
  const [lane, adapter] = await both(call);
  expect(stand.passedOn).toBe(before + 1);
  expect(lane).toEqual(adapter);
});

/** Opens a stream of which nothing is read beyond its window. */
async function openUnread(): Promise<ClientHttp2Stream> {
  const session = connect(stand.lane, { settings: { initialWindowSize: 70_000 } });
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
  stream.on('error', () => undefined);
  stream.end(envelope(proto('t')));
  await once(stream, 'response');
  return stream;
}

test('a client that leaves while the lane waits for it to read, by a reset or with its connection, frees its stream at once', async () => {
  const unread = await Promise.all(Array.from({ length: 4 }, openUnread));
  const [left, cancelled, ...others] = unread;
  left?.close();
  cancelled?.close(http2Codes.NGHTTP2_CANCEL);
  for (const stream of others) stream.session?.destroy();
  // Resolves only when no stream runs any more.
  await bus.subscriptions.drain();
  for (const stream of unread) stream.session?.destroy();
});
