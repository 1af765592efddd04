import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { expect, onTestFinished, test } from 'vitest';
import { Wakeup } from '../../src/cli/publish/wakeup.js';
import { createMainstemClient, type PublishBatch } from '../../src/client/index.js';
import { ServerReflection } from '../../src/gen/grpc/reflection/v1/reflection_pb.js';
import { ServerReflection as ServerReflectionAlpha } from '../../src/gen/grpc/reflection/v1alpha/reflection_pb.js';
import { startServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

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
