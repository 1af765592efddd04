import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect, constants as http2Codes } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PublishRequestSchema } from '../../src/gen/mainstem/v1/publish_pb.js';
import { envelope, http2 } from '../support/http2-call.js';
import { type LaneStand, openLaneStand } from '../support/lane-stand.js';
import { openBus, type TestBus } from '../support/open-bus.js';

const publishPath = '/mainstem.v1.PublishService/Publish';
const topicPath = (method: string) => `/mainstem.v1.TopicService/${method}`;
const readMaxBytes = 100_000;

let bus: TestBus;
let stand: LaneStand;

beforeAll(async () => {
  bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  stand = await openLaneStand(bus, { readMaxBytes });
});
afterAll(async () => {
  await stand[Symbol.asyncDispose]();
  await bus[Symbol.asyncDispose]();
});

const request = (topic: string, payload = '{"a":1.0}') =>
  toBinary(
    PublishRequestSchema,
    create(PublishRequestSchema, { topic, events: [{ payload: { case: 'jsonBytes', value: Buffer.from(payload) } }] }),
  );
const proto = request('t');
const json = Buffer.from('{"topic":"t","events":[{"json":{"a":1.0}}]}');
const missing = request('missing');
const large = request('t', `"${'x'.repeat(readMaxBytes)}"`);
const half = request('t', `"${'x'.repeat(0.6 * readMaxBytes)}"`);
const inParts = (body: Uint8Array) => [body.subarray(0, 3), body.subarray(3, 50_000), body.subarray(50_000)];

interface Call {
  readonly type: string;
  readonly body: Uint8Array | readonly Uint8Array[];
  /** Default: Publish. */
  readonly path?: string;
  readonly headers?: Record<string, string>;
}

const usual: Record<string, Call> = {
  Connect: { type: 'application/proto', body: proto },
  'Connect in JSON': { type: 'application/json', body: json, headers: { 'accept-encoding': 'gzip' } },
  'Connect in JSON, with a charset': { type: 'application/json; charset=utf-8', body: json },
  gRPC: { type: 'application/grpc', body: envelope(proto), headers: { 'grpc-accept-encoding': 'gzip' } },
  'gRPC in JSON': { type: 'application/grpc+json', body: envelope(json) },
  'gRPC in many parts': {
    type: 'application/grpc+proto',
    body: [...envelope(proto)].map((byte) => Uint8Array.of(byte)),
  },
  'an error of the bus, Connect': { type: 'application/proto', body: missing },
  'an error of the bus, gRPC': { type: 'application/grpc', body: envelope(missing) },
  'an undecodable message, Connect': { type: 'application/proto', body: Buffer.from('nonsense') },
  'an undecodable message, gRPC': { type: 'application/grpc', body: envelope(Buffer.from('nonsense')) },
  'bad JSON': { type: 'application/json', body: Buffer.from('{"topic":') },
  'an unknown field': { type: 'application/json', body: Buffer.from('{"topik":"t"}') },
  'a message of no bytes': { path: topicPath('ListTopics'), type: 'application/grpc', body: envelope(Buffer.alloc(0)) },
  'another service': {
    path: topicPath('GetTopic'),
    type: 'application/json',
    body: Buffer.from('{"topic":"missing"}'),
  },
  'a method that streams': { path: `${publishPath}Stream`, type: 'application/connect+json', body: envelope(json) },
  'a service that is not here': {
    path: '/mainstem.v1.SubscribeService/Commit',
    type: 'application/json',
    body: Buffer.from('{}'),
  },
};

const unusual: Record<string, Call> = {
  'over the limit, announced': {
    type: 'application/proto',
    body: large,
    headers: { 'content-length': String(large.length) },
  },
  'over the limit, Connect': { type: 'application/proto', body: inParts(large) },
  'over the limit, gRPC': { type: 'application/grpc', body: inParts(envelope(large)) },
  'two messages': { type: 'application/grpc', body: Buffer.concat([envelope(proto), envelope(proto)]) },
  'a second message over the limit': {
    type: 'application/grpc',
    body: inParts(Buffer.concat([envelope(proto), envelope(large)])),
  },
  'two messages that are together over the limit': {
    type: 'application/grpc',
    body: inParts(Buffer.concat([envelope(half), envelope(half)])),
  },
  'a cut envelope': { type: 'application/grpc', body: envelope(proto).subarray(0, -1) },
  'less than an envelope': { type: 'application/grpc', body: Buffer.from([0, 0]) },
  'no message': { type: 'application/grpc', body: Buffer.alloc(0) },
  compressed: { type: 'application/grpc', body: envelope(gzipSync(proto), 1), headers: { 'grpc-encoding': 'gzip' } },
  'compressed, not announced': { type: 'application/grpc', body: envelope(gzipSync(proto), 1) },
  'compressed, Connect': { type: 'application/json', body: gzipSync(json), headers: { 'content-encoding': 'gzip' } },
  'an unknown compression': { type: 'application/json', body: json, headers: { 'content-encoding': 'zz' } },
  'a deadline': { type: 'application/json', body: json, headers: { 'connect-timeout-ms': '60000' } },
  'a deadline that is none': { type: 'application/grpc', body: envelope(proto), headers: { 'grpc-timeout': 'soon' } },
  'gRPC-Web': { type: 'application/grpc-web+proto', body: envelope(proto) },
  'an unknown content type': { type: 'text/plain', body: json },
  'a query': { path: `${publishPath}?x=1`, type: 'application/json', body: json },
  'an unknown path': { path: topicPath('Nothing'), type: 'application/json', body: json },
};

/** What both servers answer, without what differs from one answer to the next: times and offsets. */
function answers({ path = publishPath, type, body, headers }: Call) {
  return Promise.all(
    [stand.lane, stand.adapter].map(async (url) => {
      const { status, text, trailers, headers: got } = await http2(url, path, type, body, headers);
      const { date: _, 'content-length': length, 'grpc-encoding': __, ...others } = got;
      // In the binary form they are somewhere in the bytes.
      if (status === 200 && !type.includes('json')) return { others, some: text.length > 0, trailers: { ...trailers } };
      const steady = text.replaceAll(/"(offset|time)":"[^"]*"/g, '$1');
      return { others, text: steady, length: typeof length, trailers: { ...trailers } };
    }),
  );
}

test.each(Object.entries(usual))('%s: the lane answers, as the adapter would', async (_, call) => {
  const before = stand.passedOn;
  const [lane, adapter] = await answers(call);
  expect(stand.passedOn).toBe(before);
  expect(lane).toEqual(adapter);
});

test.each(Object.entries(unusual))('%s: the adapter answers', async (_, call) => {
  const before = stand.passedOn;
  const [lane, adapter] = await answers(call);
  expect(stand.passedOn).toBe(before + 1);
  expect(lane).toEqual(adapter);
});

test('what breaks in the server is logged, and the caller sees nothing of it', async () => {
  bus.log.before = () => {
    throw new Error('a secret of the server');
  };
  for (const url of [stand.lane, stand.adapter]) {
    const { status, text } = await http2(url, publishPath, 'application/json', json);
    expect({ status, text }).toMatchObject({ status: 500, text: expect.not.stringContaining('secret') });
  }
  bus.log.before = undefined;
  expect(stand.logged).toHaveLength(2);
});

test('a client that cancels takes back what is queued, and other calls of its connection go on', async () => {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    bus.log.before = () => {
      resolve();
      return opened;
    };
  });
  const session = connect(stand.lane);
  const post = (message: Uint8Array) => {
    const stream = session.request({ ':method': 'POST', ':path': publishPath, 'content-type': 'application/proto' });
    stream.end(message);
    return stream;
  };
  // What is sent on a connection is seen in order: when this is answered, the server has seen all before.
  const seen = () => once(post(missing), 'response');

  const { highWatermark: from } = await bus.log.bounds('t', 0);
  const first = post(request('t', '"first"'));
  await reached;
  const cancelled = post(request('t', '"cancelled"'));
  await seen();
  cancelled.close(http2Codes.NGHTTP2_CANCEL);
  const last = post(request('t', '"last"'));
  await seen();
  open();
  await Promise.all([once(first, 'response'), once(last, 'response')]);
  bus.log.before = undefined;
  const read = await bus.log.read('t', 0, from, 1_000_000);
  const values = read.outcome === 'ok' ? read.records.map(({ value }) => Buffer.from(value ?? []).toString()) : [];
  expect(values).toEqual(['"first"', '"last"']);
  session.close();
});
