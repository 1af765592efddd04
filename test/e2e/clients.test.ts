import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BadRequestSchema, ErrorInfoSchema } from '../../src/gen/google/rpc/error_details_pb.js';
import { PublishMode, PublishService, PublishStatus } from '../../src/gen/mainstem/v1/publish_pb.js';
import { StartPosition, SubscribeService } from '../../src/gen/mainstem/v1/subscribe_pb.js';
import { startServer, type TestServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const root = join(import.meta.dirname, '../..');
let server: TestServer;
let baseUrl: string;
let data: Awaited<ReturnType<typeof temporaryDirectory>>;

beforeAll(async () => {
  data = await temporaryDirectory();
  server = await startServer({ args: ['--log', `embedded:${data.path}`] });
  baseUrl = server.address;
});

afterAll(async () => {
  await server.kill();
  await data.remove();
});

const transports: [string, () => Transport][] = [
  ['Connect, HTTP/1.1, JSON', () => createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false })],
  ['Connect, HTTP/1.1', () => createConnectTransport({ baseUrl, httpVersion: '1.1' })],
  ['Connect, HTTP/2', () => createConnectTransport({ baseUrl, httpVersion: '2' })],
  ['gRPC', () => createGrpcTransport({ baseUrl })],
  ['gRPC-Web, HTTP/1.1', () => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })],
  ['gRPC-Web, HTTP/2', () => createGrpcWebTransport({ baseUrl, httpVersion: '2' })],
];

const person = (age: number | string) => Buffer.from(`{ "firstName":"Ada", "lastName":"L", "age":${age} }`);

describe.each(transports)('a generated client over %s', (_name, transport) => {
  test('publishes, and streams the same bytes back', async () => {
    const publisher = createClient(PublishService, transport());
    const exact = person('36.0');
    const { results } = await publisher.publish({
      topic: 'people',
      events: [
        {
          keyText: 'ada',
          payload: { case: 'jsonBytes', value: exact },
          id: '1',
          headers: [{ name: 'h', value: exact }],
        },
      ],
    });
    expect(results).toMatchObject([{ partition: 0, status: PublishStatus.STORED, schemaVersion: 1 }]);
    const stream = createClient(SubscribeService, transport()).subscribe({
      topic: 'people',
      from: { case: 'position', value: StartPosition.EARLIEST },
      follow: false,
    });
    const kinds: (string | undefined)[] = [];
    for await (const { frame } of stream) {
      kinds.push(frame.case);
      if (frame.case !== 'events') continue;
      const record = frame.value.records.find(({ offset }) => offset === results[0]?.offset);
      if (!record) continue;
      expect(Buffer.from(record.jsonBytes)).toEqual(exact);
      expect(Buffer.from(record.key ?? []).toString()).toBe('ada');
      expect(record).toMatchObject({ id: '1', schemaVersion: 1, headers: [{ name: 'h' }] });
    }
    expect(kinds[0]).toBe('ready');
    expect(kinds).toContain('events');
    expect(kinds.at(-1)).toBe('end');
  });

  test('gets errors as typed details that name the event, the place and the rule', async () => {
    const events = [person(1), person(-1)].map((value) => ({ payload: { case: 'jsonBytes' as const, value } }));
    const error = await createClient(PublishService, transport())
      .publish({ topic: 'people', events })
      .catch((thrown: unknown) => ConnectError.from(thrown));
    if (!(error instanceof ConnectError)) throw new Error('it should have been refused');
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.rawMessage).toContain('event 1: /age must be >= 0');
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: 'SCHEMA_VIOLATION', domain: 'mainstem.dev' }]);
    expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations).toMatchObject([
      { field: 'events[1]/age', reason: 'minimum' },
    ]);
  });
});

test('a PublishStream answers in order, batch by batch, and goes on after a bad one', async () => {
  const client = createClient(PublishService, createGrpcTransport({ baseUrl }));
  async function* batches() {
    for (let i = 0; i < 200; i++) {
      const value = person(i === 100 ? -1 : i);
      yield {
        ...(i === 0 ? { topic: 'people' } : {}),
        mode: PublishMode.INDEPENDENT,
        events: [{ keyText: 'k', payload: { case: 'jsonBytes' as const, value } }],
      };
    }
  }
  const sequences: bigint[] = [];
  const offsets: bigint[] = [];
  for await (const { sequence, results } of client.publishStream(batches())) {
    sequences.push(sequence ?? -1n);
    const [result] = results;
    if (result?.status === PublishStatus.STORED) offsets.push(result.offset ?? -1n);
    else expect(result).toMatchObject({ status: PublishStatus.REJECTED, reason: 'SCHEMA_VIOLATION' });
  }
  expect(sequences).toEqual(Array.from({ length: 200 }, (_, i) => BigInt(i)));
  expect(offsets).toHaveLength(199);
  expect(offsets).toEqual([...offsets].sort((a, b) => Number(a - b)));
});

test('what nothing can be selected by is refused by name, never ignored', async () => {
  const client = createClient(SubscribeService, createGrpcTransport({ baseUrl }));
  const first = (request: object) =>
    client
      .subscribe({ topic: 'people', ...request })
      [Symbol.asyncIterator]()
      .next()
      .catch((thrown: unknown) => ConnectError.from(thrown));
  for (const request of [{ filter: 'payload.' }, { fields: ['a'] }, { sample: 2 }]) {
    expect(await first(request)).toMatchObject({
      code: Code.InvalidArgument,
      rawMessage: expect.stringContaining(Object.keys(request)[0] ?? ''),
    });
  }
});

test('buf curl and grpcurl work without any configuration: reflection and health', () => {
  const buf = execFileSync(
    'npx',
    ['buf', 'curl', '--http2-prior-knowledge', '--protocol', 'grpc', `${baseUrl}/mainstem.v1.TopicService/ListTopics`],
    { cwd: root, encoding: 'utf8' },
  );
  expect(JSON.parse(buf).topics.map(({ name }: { name: string }) => name)).toContain('people');
  const grpcurl = join(root, '.cache/go-bin/grpcurl');
  if (!existsSync(grpcurl)) {
    console.warn('\n!!! grpcurl is not here: only buf curl was tried (.ci/run installs it)\n');
    return;
  }
  const { host } = new URL(baseUrl);
  const listed = execFileSync(grpcurl, ['-plaintext', host, 'list'], { encoding: 'utf8' });
  expect(listed.trim().split('\n')).toEqual(
    expect.arrayContaining(['mainstem.v1.PublishService', 'grpc.health.v1.Health']),
  );
  const described = execFileSync(grpcurl, ['-plaintext', host, 'describe', 'mainstem.v1.Event'], { encoding: 'utf8' });
  expect(described).toContain('message Event');
  const health = execFileSync(grpcurl, ['-plaintext', host, 'grpc.health.v1.Health/Check'], { encoding: 'utf8' });
  expect(health).toContain('SERVING');
});
