import { once } from 'node:events';
import http2 from 'node:http2';
import { connect } from 'node:net';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { expect, onTestFinished, test } from 'vitest';
import { Wakeup } from '../../src/cli/publish/wakeup.js';
import { createMainstemClient, type PublishBatch } from '../../src/client/index.js';
import { ServerReflection } from '../../src/gen/grpc/reflection/v1/reflection_pb.js';
import { ServerReflection as ServerReflectionAlpha } from '../../src/gen/grpc/reflection/v1alpha/reflection_pb.js';
import { cli } from '../support/cli.js';
import { startServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { until } from '../support/wait.js';

type Read = (address: string, topic: string) => Promise<void>;

/** Each begins to read as a subscriber, and resolves when it has stopped for good. */
const readersThatStop: [string, Read][] = [
  [
    'gRPC',
    async (address, topic) => {
      const client = createMainstemClient({ address, protocol: 'grpc' });
      onTestFinished(() => client.close());
      const frames = client.frames({ topic, subscriber: 'slow', from: 'earliest' })[Symbol.asyncIterator]();
      for (;;) if ((await frames.next()).value?.case === 'events') return;
    },
  ],
  [
    'HTTP/2, on a connection that takes nothing any more',
    async (address, topic) => {
      const socket = connect(Number(new URL(address).port));
      const session = http2.connect(address, {
        createConnection: () => socket,
        settings: { initialWindowSize: 2 ** 30 },
      });
      session.on('error', () => undefined);
      await once(session, 'connect');
      session.setLocalWindowSize(2 ** 30);
      onTestFinished(() => session.destroy());
      const stream = session.request({ ':path': `/v1/topics/${topic}/events?subscriber=slow&from=earliest` });
      stream.on('error', () => undefined);
      await once(stream, 'data');
      socket.pause();
    },
  ],
  [
    'HTTP/1.1',
    async (address, topic) => {
      const socket = connect(Number(new URL(address).port));
      onTestFinished(() => void socket.destroy());
      socket.on('error', () => undefined);
      socket.write(`GET /v1/topics/${topic}/events?subscriber=slow&from=earliest HTTP/1.1\r\nhost: localhost\r\n\r\n`);
      await once(socket, 'data');
      socket.pause();
    },
  ],
];

test('an open PublishStream does not hold up a shutdown: it ends with SHUTTING_DOWN once everything is answered', async () => {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  // The grace is longer than the test may take: nothing but the end of the stream lets the server exit.
  const server = await startServer({ args: ['--log', `embedded:${directory.path}`, '--shutdown-grace-ms', '10m'] });
  onTestFinished(() => server.kill());
  const client = createMainstemClient({ address: server.address });
  onTestFinished(() => client.close());
  const idle = new Wakeup();
  async function* batches(): AsyncGenerator<PublishBatch> {
    yield { topic: 'people', events: [{ data: { firstName: 'Ada', lastName: 'Lovelace', age: 36 } }] };
    await idle.wait();
  }
  const answers = client.publishBatches(batches())[Symbol.asyncIterator]();
  expect((await answers.next()).value.results).toHaveLength(1);
  const exited = server.stop();
  await expect(answers.next()).rejects.toMatchObject({ reason: 'SHUTTING_DOWN' });
  expect(await exited).toBe(0);
  idle.wake();
}, 60_000);

test('open reflection streams do not hold up a shutdown either', async () => {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const server = await startServer({ args: ['--log', `embedded:${directory.path}`, '--shutdown-grace-ms', '10m'] });
  onTestFinished(() => server.kill());
  const sessionManager = new Http2SessionManager(server.address);
  onTestFinished(() => sessionManager.abort());
  const transport = createGrpcTransport({ baseUrl: server.address, sessionManager });
  const idle = new Wakeup();
  async function* questions() {
    yield { messageRequest: { case: 'listServices' as const, value: '' } };
    await idle.wait();
  }
  const open = [ServerReflection, ServerReflectionAlpha].map((service) =>
    createClient(service, transport).serverReflectionInfo(questions())[Symbol.asyncIterator](),
  );
  for (const answers of open) expect((await answers.next()).value?.messageResponse.case).toBe('listServicesResponse');
  const exited = server.stop();
  for (const answers of open) await expect(answers.next()).rejects.toThrow('shutting down');
  expect(await exited).toBe(0);
  for (const _ of open) idle.wake();
}, 60_000);

test.each(readersThatStop)(
  'a durable reader over %s that reads nothing holds up neither publishers nor the exit',
  async (_, read) => {
    const directory = await temporaryDirectory();
    onTestFinished(() => directory.remove());
    const args = ['--log', `embedded:${directory.path}`];
    // Nothing but the end of the stream lets the server exit before the test is over.
    const server = await startServer({ args: [...args, '--shutdown-grace-ms', '10m'] });
    onTestFinished(() => server.kill());
    const client = createMainstemClient({ address: server.address });
    onTestFinished(() => client.close());
    const topic = 'load';
    await client.topics.create({ topic, settings: { schemaless: true } });
    // More than the windows and buffers between the two hold.
    const data = 'x'.repeat(100_000);
    for (let i = 0; i < 20; i++) await client.publish({ topic, events: Array.from({ length: 10 }, () => ({ data })) });
    await read(server.address, topic);

    server.signal('SIGTERM');
    await until(() => server.output().includes('shutting down'), { what: 'the shutdown to begin' });
    let acknowledged = 0;
    const publish = async () => {
      for (;;) {
        await client.publish({ topic, events: [{ data: 'late' }] });
        acknowledged += 1;
      }
    };
    await expect(publish()).rejects.toMatchObject({ retryable: true });
    expect(await server.exited).toBe(0);
    expect(acknowledged).toBeGreaterThan(0);

    const again = await startServer({ args });
    onTestFinished(() => again.kill());
    const { stdout } = await cli(again.address, ['tail', topic, '--from', 'earliest', '--no-follow', '--data-only']);
    expect(stdout.split('\n').filter((line) => line === '"late"').length).toBeGreaterThanOrEqual(acknowledged);
  },
  90_000,
);
