import { Buffer } from 'node:buffer';
import { execFile } from 'node:child_process';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ErrorInfoSchema } from '../../src/gen/google/rpc/error_details_pb.js';
import { Health, HealthCheckResponse_ServingStatus as Status } from '../../src/gen/grpc/health/v1/health_pb.js';
import { ServerReflection } from '../../src/gen/grpc/reflection/v1/reflection_pb.js';
import { ServerReflection as ServerReflectionAlpha } from '../../src/gen/grpc/reflection/v1alpha/reflection_pb.js';
import { PublishService, PublishStatus } from '../../src/gen/mainstem/v1/publish_pb.js';
import { SubscribeService } from '../../src/gen/mainstem/v1/subscribe_pb.js';
import { TopicService } from '../../src/gen/mainstem/v1/topic_pb.js';
import { startBus, type TestBus } from './listener-support.js';

let bus: TestBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.listener.close({ graceMs: 0 }));

const make = {
  connect: createConnectTransport,
  grpc: createGrpcTransport,
  'grpc-web': createGrpcWebTransport,
};
type Protocol = keyof typeof make;
const transport = (protocol: Protocol, httpVersion: '1.1' | '2' = '2', useBinaryFormat = true): Transport =>
  make[protocol]({ baseUrl: bus.url, httpVersion, useBinaryFormat });

const payload = (text: string) => ({ payload: { case: 'jsonBytes' as const, value: Buffer.from(text) } });
const reasonOf = (error: unknown) => ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.reason;

const forms: [Protocol, '1.1' | '2', boolean][] = (['connect', 'grpc', 'grpc-web'] as const).flatMap(
  (protocol) =>
    (['1.1', '2'] as const).flatMap((version) =>
      protocol === 'grpc' && version === '1.1'
        ? []
        : [true, false].map((binary) => [protocol, version, binary] as const),
    ) as [Protocol, '1.1' | '2', boolean][],
);

test.each(forms)(
  '%s over HTTP/%s, binary %s: publish, stream, commit, and errors with their reason',
  async (...form) => {
    const publishing = createClient(PublishService, transport(...form));
    const subscribing = createClient(SubscribeService, transport(...form));
    const text = `{"form": "${form.join()}", "n": 12345678901234567890}`;
    const { results } = await publishing.publish({ topic: 't', events: [{ keyText: 'k', ...payload(text) }] });
    expect(results).toMatchObject([
      { status: PublishStatus.STORED, partition: 0, schemaVersion: 1, time: { seconds: 1n } },
    ]);

    const cases: unknown[] = [];
    for await (const { frame } of subscribing.subscribe({ topic: 't', follow: false })) {
      cases.push(frame.case);
      if (frame.case !== 'events') continue;
      const last = frame.value.records.at(-1);
      expect(Buffer.from(last?.jsonBytes ?? []).toString()).toBe(text);
      expect([last?.partition, last?.offset, Buffer.from(last?.key ?? []).toString()]).toEqual([
        0,
        results[0]?.offset,
        'k',
      ]);
    }
    expect(cases).toEqual(['ready', 'events', 'end']);

    const refused = await publishing.publish({ topic: 'missing', events: [payload('1')] }).catch((error) => error);
    expect([refused.code, reasonOf(refused), refused.rawMessage]).toEqual([
      Code.NotFound,
      'TOPIC_NOT_FOUND',
      'topic missing does not exist',
    ]);
    const fenced = await subscribing.commit({ subscriber: 's', cursor: 'c', generation: 8n }).catch((error) => error);
    expect(reasonOf(fenced)).toBe('FENCED');
  },
);

test('a stream of batches is answered in order, failures among them, and ends with its input', async () => {
  const publishing = createClient(PublishService, transport('grpc'));
  async function* batches() {
    yield { topic: 't', events: [payload('1'), payload('2')] };
    // The topic of before.
    yield { events: [payload('3')] };
    yield { events: [{}] };
    yield { topic: 'missing', events: [payload('4')], continueAfterFailure: true };
    yield { topic: 't', events: [payload('5')] };
  }
  const answers: unknown[] = [];
  for await (const { sequence, results, failure } of publishing.publishStream(batches())) {
    answers.push([Number(sequence), results.length, failure?.reason]);
  }
  expect(answers).toEqual([
    [0, 2, undefined],
    [1, 1, undefined],
    [2, 0, 'INVALID_REQUEST'],
    [3, 0, 'TOPIC_NOT_FOUND'],
    [4, 1, undefined],
  ]);
  expect(bus.commands.at(-2)).toMatchObject({ topic: 'missing', continueAfterFailure: true });
});

test('a stream of batches over HTTP/1.1 is refused', async () => {
  const response = await fetch(`${bus.url}/mainstem.v1.PublishService/PublishStream`, {
    method: 'POST',
    headers: { 'content-type': 'application/connect+json' },
    body: '',
  });
  expect(response.status).toBe(505);
});

test('curl gets errors that read well, and a misspelt field is noticed', async () => {
  const post = async (path: string, body: string | Uint8Array<ArrayBuffer>, headers = {}) => {
    const response = await fetch(`${bus.url}/mainstem.v1.${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    return { status: response.status, body: await response.json() };
  };
  expect(await post('PublishService/Publish', '{"topic":"t","events":[{}]}')).toMatchObject({
    status: 400,
    body: {
      code: 'invalid_argument',
      message: 'event 0: neither json_bytes nor json is set; one of them must hold the payload',
    },
  });
  const misspelt = await post('PublishService/Publish', '{"topic":"t","events":[{"json":1,"keytext":"a"}]}');
  expect(misspelt).toMatchObject({ status: 400, body: { message: expect.stringContaining('keytext') } });
  const zipped = gzipSync('{"topic":"t","events":[{"json":{"a":1}}]}');
  expect(await post('PublishService/Publish', zipped, { 'content-encoding': 'gzip' })).toMatchObject({
    status: 200,
    body: { results: [{ partition: 0, status: 'PUBLISH_STATUS_STORED' }] },
  });
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  expect((await post('PublishService/Publish', bomb, { 'content-encoding': 'gzip' })).status).toBe(429);
  const listed = await fetch(`${bus.url}/mainstem.v1.TopicService/ListTopics?encoding=json&message=%7B%7D`);
  expect([listed.status, await listed.json()]).toEqual([200, {}]);
});

test('an internal error is logged whole, and told without its cause', async () => {
  const publishing = createClient(PublishService, transport('connect'));
  const error = await publishing.publish({ topic: 'broken', events: [payload('1')] }).catch((caught) => caught);
  expect([error.code, reasonOf(error)]).toEqual([Code.Internal, 'INTERNAL']);
  expect(JSON.stringify(error.details) + error.message).not.toContain('secret');
  expect(bus.errors).toEqual([expect.objectContaining({ message: 'a secret of the server' })]);
  bus.errors.length = 0;
});

test.each<Protocol>(['connect', 'grpc', 'grpc-web'])(
  'on %s a deadline and a leaving client end what waits',
  async (protocol) => {
    const publishing = createClient(PublishService, transport(protocol));
    const late = await publishing
      .publish({ topic: 'held', events: [payload('1')] }, { timeoutMs: 4_000 })
      .catch((error) => error);
    // Answered before the deadline, so that the client learns what became of the event.
    expect([late.code, reasonOf(late)]).toEqual([Code.Unavailable, 'LOG_UNAVAILABLE']);
    await bus.progress.until(() => bus.waiting.size === 0);

    const leave = new AbortController();
    const subscribing = createClient(SubscribeService, transport(protocol));
    const stream = subscribing.subscribe({ topic: 't' }, { signal: leave.signal })[Symbol.asyncIterator]();
    await stream.next();
    await stream.next();
    const third = stream.next().catch((error) => error);
    await bus.progress.until(() => bus.waiting.size === 1);
    leave.abort();
    expect((await third).code).toBe(Code.Canceled);
    await bus.progress.until(() => bus.waiting.size === 0);
  },
);

/** Opens a stream of a million large events and reads none of them; what is returned leaves. */
function openUnread(version: '1.1' | '2'): () => void {
  const path = '/mainstem.v1.SubscribeService/Subscribe';
  const message = Buffer.from('{"topic":"t","limit":"1000000"}');
  const body = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
  if (version === '1.1') {
    const socket = connectTcp(bus.listener.port, '127.0.0.1');
    const head = ['host: x', 'content-type: application/connect+json', `content-length: ${body.length}`];
    socket.write(`POST ${path} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`);
    socket.write(body);
    return () => socket.destroy();
  }
  const session = connectHttp2(bus.url);
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/connect+json' });
  session.on('error', () => undefined);
  stream.on('error', () => undefined);
  stream.end(body);
  return () => session.destroy();
}

test.each(['1.1', '2'] as const)(
  'on HTTP/%s a client that leaves without reading frees its stream',
  async (version) => {
    const leave = openUnread(version);
    await bus.progress.until(() => bus.waiting.size === 1);
    leave();
    await bus.progress.until(() => bus.waiting.size === 0);
  },
);

test.each([['1.1'], ['2']] as const)(
  'a message over the limit is refused on HTTP/%s, and the connection serves on',
  async (version) => {
    const same = transport('connect', version);
    const publishing = createClient(PublishService, same);
    const large = { topic: 't', events: [payload(`"${'x'.repeat(17 * 1024 * 1024)}"`)] };
    const refused = await publishing.publish(large).catch((error) => error);
    expect(refused.code).toBe(Code.ResourceExhausted);
    expect((await publishing.publish({ topic: 't', events: [payload('1')] })).results).toHaveLength(1);
  },
);

test('health tells of the server and of each service, and a watch hears the end', async () => {
  const health = createClient(Health, transport('grpc'));
  const names = [
    '',
    'mainstem.v1.PublishService',
    'mainstem.v1.SchemaService',
    'mainstem.v1.SubscribeService',
    'mainstem.v1.TopicService',
  ];
  for (const service of names) expect((await health.check({ service })).status).toBe(Status.SERVING);
  expect(Object.keys((await health.list({})).statuses).sort()).toEqual(names);
  expect((await health.check({ service: 'x' }).catch((error) => error)).code).toBe(Code.NotFound);
  const unknown = health.watch({ service: 'x' })[Symbol.asyncIterator]();
  expect((await unknown.next()).value?.status).toBe(Status.SERVICE_UNKNOWN);

  const watch = health.watch({ service: '' })[Symbol.asyncIterator]();
  expect((await watch.next()).value?.status).toBe(Status.SERVING);
  bus.ready = false;
  try {
    expect((await watch.next()).value?.status).toBe(Status.NOT_SERVING);
    expect((await watch.next().catch((error) => error)).code).toBe(Code.Unavailable);
  } finally {
    bus.ready = true;
  }
});

test('reflection answers under both names: services, files, symbols, and what is not there', async () => {
  async function* questions() {
    yield { messageRequest: { case: 'listServices' as const, value: '' } };
    yield { messageRequest: { case: 'fileByFilename' as const, value: 'mainstem/v1/event.proto' } };
    for (const value of [
      'mainstem.v1.PublishService.Publish',
      'mainstem.v1.Event.key',
      'google.rpc.ErrorInfo',
      'no.such',
    ]) {
      yield { messageRequest: { case: 'fileContainingSymbol' as const, value } };
    }
    yield { messageRequest: { case: 'allExtensionNumbersOfType' as const, value: 'mainstem.v1.Event' } };
    const extension = { containingType: 'mainstem.v1.Event', extensionNumber: 100 };
    yield { messageRequest: { case: 'fileContainingExtension' as const, value: extension } };
  }
  for (const service of [ServerReflection, ServerReflectionAlpha]) {
    const answers: unknown[] = [];
    for await (const { messageResponse } of createClient(service, transport('grpc')).serverReflectionInfo(
      questions(),
    )) {
      if (messageResponse.case === 'listServicesResponse') {
        expect(messageResponse.value.service.map(({ name }) => name)).toContain('mainstem.v1.SubscribeService');
      }
      answers.push(messageResponse.case === 'errorResponse' ? messageResponse.value.errorCode : messageResponse.case);
    }
    const file = 'fileDescriptorResponse';
    expect(answers).toEqual([
      'listServicesResponse',
      file,
      file,
      file,
      file,
      Code.NotFound,
      'allExtensionNumbersResponse',
      Code.NotFound,
    ]);
  }
});

test.each(['grpc', 'grpcweb', 'connect'])('buf curl over %s needs no files', async (protocol) => {
  const buf = (...parts: string[]) =>
    promisify(execFile)('node_modules/.bin/buf', ['curl', '--http2-prior-knowledge', '--protocol', protocol, ...parts]);
  const { stdout } = await buf(
    '-d',
    '{"topic":"t","follow":false}',
    `${bus.url}/mainstem.v1.SubscribeService/Subscribe`,
  );
  expect(stdout).toContain('END_REASON_CAUGHT_UP');
  const refused = await buf('-d', '{"topic":"x"}', `${bus.url}/${TopicService.typeName}/GetTopic`).catch(
    (error) => error,
  );
  expect(refused.stderr).toContain('topic x does not exist');
  expect(refused.stderr).toContain('google.rpc.ErrorInfo');
});
