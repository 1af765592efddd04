import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect, constants as http2Codes } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { create, fromBinary, type MessageInitShape, toBinary, toJson } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PublishStreamRequestSchema, PublishStreamResponseSchema } from '../../src/gen/mainstem/v1/publish_pb.js';
import { envelope, envelopes, http2 } from '../support/http2-call.js';
import { type LaneStand, openLaneStand } from '../support/lane-stand.js';
import { openBus, type TestBus } from '../support/open-bus.js';

const path = '/mainstem.v1.PublishService/PublishStream';
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

function batch(payloads: readonly string[], more: MessageInitShape<typeof PublishStreamRequestSchema> = {}): Buffer {
  const events = payloads.map((payload) => ({ payload: { case: 'jsonBytes' as const, value: Buffer.from(payload) } }));
  const message = create(PublishStreamRequestSchema, { topic: 't', events, ...more });
  return envelope(toBinary(PublishStreamRequestSchema, message));
}

const good = batch(['{"a":1.0}', '2']);
const bad = batch(['{']);
const large = batch([`"${'x'.repeat(readMaxBytes)}"`]);
const half = batch([`"${'x'.repeat(0.6 * readMaxBytes)}"`]);
const byBytes = (body: Uint8Array) => [...body].map((byte) => Uint8Array.of(byte));

type Body = readonly Uint8Array[];
const bodies: Record<string, Body> = {
  'one batch': [good],
  'several in one part': [Buffer.concat([good, good, half, good, half])],
  'byte by byte': byBytes(Buffer.concat([good, good])),
  'an envelope that is cut by parts': [half.subarray(0, 4), half.subarray(4, 30_000), half.subarray(30_000), good],
  'no batch at all': [new Uint8Array()],
  'a topic that is not there': [batch(['1'], { topic: 'missing' }), good],
  'no topic': [batch(['1'], { topic: '' })],
  'the topic of the batch before': [good, batch(['1'], { topic: '' })],
  'a failure, what it halts, and going on': [good, bad, good, batch(['1'], { continueAfterFailure: true })],
  'each event for itself': [batch(['1', '{', '2'], { mode: 2 })],
  'a mode that is none': [batch(['1'], { mode: Number('7') })],
  'an undecodable batch': [good, envelope(Buffer.from('nonsense')), good],
  'a batch over the limit': [large.subarray(0, 60_000), large.subarray(60_000), good],
  'a cut envelope': [good, good.subarray(0, -1)],
  'less than an envelope': [good, Buffer.from([0, 0])],
  'a compressed batch, not announced': [good, envelope(gzipSync('1'), 1), good],
  'an unknown flag': [envelope(good.subarray(5), 4)],
};
const types = ['application/grpc', 'application/grpc+proto', 'application/connect+proto'];

/** What both servers answer, without what differs from one answer to the next: times and offsets. */
function answers(type: string, parts: Body, more?: Record<string, string>) {
  return Promise.all(
    [stand.lane, stand.adapter].map(async (url) => {
      const { status, headers, body, trailers } = await http2(url, path, type, parts, more);
      const { date: _, 'grpc-encoding': __, ...others } = headers;
      const isBinary = status === 200 && !type.includes('json');
      const messages = isBinary
        ? envelopes(body).map(({ flags, message }) => ({
            flags,
            message: flags === 0 ? readable(message) : message.toString(),
          }))
        : body.toString().replaceAll(/"(offset|time)":"[^"]*"/g, '$1');
      return { others, messages, trailers: { ...trailers } };
    }),
  );
}

function readable(message: Uint8Array): unknown {
  const response = fromBinary(PublishStreamResponseSchema, message);
  for (const result of response.results) {
    if (result.offset === undefined) continue;
    result.offset = 0n;
    delete result.time;
  }
  return toJson(PublishStreamResponseSchema, response);
}

test.each(types.flatMap((type) => Object.entries(bodies).map(([name, parts]) => [type, name, parts] as const)))(
  '%s, %s: the lane answers, as the adapter would',
  async (type, _, parts) => {
    const before = stand.passedOn;
    const [lane, adapter] = await answers(type, parts);
    expect(stand.passedOn).toBe(before);
    expect(lane).toEqual(adapter);
  },
);

test('an end of stream from the client says nothing on Connect', async () => {
  const [lane, adapter] = await answers('application/connect+proto', [good, envelope(Buffer.from('{}'), 2), good]);
  expect(lane).toEqual(adapter);
});

test.each([
  ['compressed', 'application/grpc', { 'grpc-encoding': 'gzip' }],
  ['compressed, Connect', 'application/connect+proto', { 'connect-content-encoding': 'gzip' }],
  ['a deadline', 'application/grpc', { 'grpc-timeout': '60S' }],
  ['a deadline, Connect', 'application/connect+proto', { 'connect-timeout-ms': '60000' }],
  ['gRPC-Web', 'application/grpc-web+proto', {}],
])('%s: the adapter answers', async (_, type, headers) => {
  const before = stand.passedOn;
  const [lane, adapter] = await answers(type, [good], headers);
  expect(stand.passedOn).toBe(before + 1);
  expect(lane).toEqual(adapter);
});

test('a client that cancels takes back what is queued, and other streams of its connection go on', async () => {
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
  const start = (payload: string) => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    stream.write(batch([payload]));
    return stream;
  };
  // What is sent on a connection is seen in order: when this is answered, the server has seen all before.
  const seen = async () => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    stream.end(bad);
    await once(stream, 'response');
  };

  const { highWatermark: from } = await bus.log.bounds('t', 0);
  const first = start('"first"');
  await reached;
  const cancelled = start('"cancelled"');
  await seen();
  cancelled.close(http2Codes.NGHTTP2_CANCEL);
  const last = start('"last"');
  await seen();
  open();
  await Promise.all([once(first, 'data'), once(last, 'data')]);
  bus.log.before = undefined;
  const read = await bus.log.read('t', 0, from, 1_000_000);
  const values = read.outcome === 'ok' ? read.records.map(({ value }) => Buffer.from(value ?? []).toString()) : [];
  expect(values).toEqual(['"first"', '"last"']);
  session.destroy();
});

test('a client that sends and never reads is not read without end', async () => {
  const session = connect(stand.lane, { settings: { initialWindowSize: 100 } });
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
  stream.pause();
  const { highWatermark: from } = await bus.log.bounds('t', 0);
  const one = batch([`"${'x'.repeat(10_000)}"`]);
  // The window of the stream is 1 MiB: what is written after that has left only if the server reads on.
  let sent = 0;
  while (stream.write(one) || stream.writableLength < one.length * 3) {
    sent++;
    if (sent > 2_000) break;
    await new Promise(setImmediate);
  }
  expect(sent).toBeLessThan(2_000);
  const { highWatermark } = await bus.log.bounds('t', 0);
  expect(highWatermark - from).toBeLessThan(1_000);
  session.destroy();
});
