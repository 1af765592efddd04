import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { goClient, javaClasses } from '../support/generated-code.js';
import { startServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** CI has all tools; a machine without them does without these tests, and says so. */
async function orSkip<T>(made: Promise<T>, skip: (note: string) => never): Promise<T> {
  return made.catch((error: NodeJS.ErrnoException) => {
    if (process.env['CI'] || error.code !== 'ENOENT') throw error;
    console.warn(`SKIPPED: generated code: ${error.message}`);
    return skip(error.message);
  });
}

test('code generated in Go builds as it is, publishes over Connect and gRPC, and streams', async ({ skip }) => {
  const client = await orSkip(goClient(), skip);
  const data = await temporaryDirectory();
  onTestFinished(() => data.remove());
  const server = await startServer({ args: ['--log', `embedded:${data.path}`] });
  onTestFinished(() => server.kill());
  await fetch(`${server.address}/mainstem.v1.TopicService/CreateTopic`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ topic: 'from-go', settings: { schemaless: true } }),
  });
  const { stdout } = await promisify(execFile)(client, [new URL(server.address).host, 'from-go'], { timeout: 30_000 });
  expect(stdout.split('\n')).toEqual([
    'stored 0',
    'got 0 {"over": "connect"}',
    'got 1 {"over": "grpc"}',
    'end END_REASON_CAUGHT_UP',
    '',
  ]);
}, 300_000);

test('code generated in Java compiles, each message a class of its own', async ({ skip }) => {
  const classes = await orSkip(javaClasses(), skip);
  expect(classes).toContain('dev.mainstem.v1.Event');
  expect(classes).toContain('dev.mainstem.v1.PublishRequest');
  expect(classes).toContain('dev.mainstem.v1.SubscribeProto');
  expect(classes.filter((name) => !name.startsWith('dev.mainstem.v1.'))).toEqual([]);
}, 300_000);
