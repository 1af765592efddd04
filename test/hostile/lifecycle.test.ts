import { spawnSync } from 'node:child_process';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  createMainstemClient,
  EndReason,
  type Frame,
  type MainstemClient,
  MainstemError,
} from '../../src/client/index.js';
import { cleanEnvironment, cliPath, startServer, type TestServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { until as progressOf } from '../support/until.js';
import { until } from '../support/wait.js';
import { drain, post, refusal } from './bus.js';
import { open } from './raw-http.js';

const topic = 'events';
const MiB = 1024 * 1024;

async function dataDirectory(): Promise<string> {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  return directory.path;
}

async function start(data: string, ...args: string[]): Promise<{ server: TestServer; client: MainstemClient }> {
  const server = await startServer({ args: ['--log', `embedded:${data}`, ...args] });
  onTestFinished(() => server.kill());
  const client = createMainstemClient({ address: server.address });
  onTestFinished(() => client.close());
  await client.topics.apply({ topic, settings: { schemaless: true } });
  return { server, client };
}

async function stored(client: MainstemClient): Promise<Set<string>> {
  const frames = await drain(client.frames({ topic, from: 'earliest', follow: false }));
  const records = frames.flatMap((frame) => (frame.case === 'events' ? frame.value.records : []));
  return new Set(records.map(({ jsonBytes }) => Buffer.from(jsonBytes).toString()));
}

test('SIGTERM under load: streams end with cursor and delay, calls in flight finish, nothing acknowledged is lost', async () => {
  const data = await dataDirectory();
  const { server, client } = await start(data);
  const progress = progressOf();
  const acknowledged = new Set<string>();
  const publishers = Array.from({ length: 8 }, async (_, publisher) => {
    for (let i = 0; ; i++) {
      const payload = `"${publisher}/${i}"`;
      await client.publish({ topic, events: [{ payload }] });
      acknowledged.add(payload);
      progress.changed();
    }
  });
  const streams = Array.from({ length: 20 }, async () => {
    let last: Frame | undefined;
    for await (const frame of client.frames({ topic })) last = frame;
    return last;
  });
  // Looked at below, each of them; until then nobody has to wait for them.
  for (const publisher of publishers) publisher.catch(() => undefined);
  await progress.until(() => acknowledged.size > 500);
  const begun = performance.now();
  server.signal('SIGTERM');
  for (const stream of await Promise.all(streams)) {
    expect(stream).toMatchObject({
      case: 'end',
      value: { reason: EndReason.SHUTTING_DOWN, cursor: expect.stringMatching(/./) },
    });
    expect(stream?.case === 'end' && stream.value.retryDelay).toBeTruthy();
  }
  for (const publisher of publishers) {
    const error = await refusal(publisher);
    expect(error.reason).toMatch(/^(SHUTTING_DOWN|UNREACHABLE|CONNECTION_LOST)$/);
    expect(error.retryable).toBe(true);
  }
  expect(await server.exited).toBe(0);
  // The grace period is 10 s; generous for a machine that does other things too.
  expect(performance.now() - begun).toBeLessThan(15_000);
  const again = await start(data);
  const found = await stored(again.client);
  expect([...acknowledged].filter((payload) => !found.has(payload))).toEqual([]);
});

test('a second signal ends at once, though a call is still under way', async () => {
  const { server } = await start(await dataDirectory());
  const socket = await open(Number(new URL(server.address).port));
  // Half a request: draining waits for it.
  socket.write(
    'POST /mainstem.v1.PublishService/Publish HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
  );
  await fetch(`${server.address}/livez`);
  server.signal('SIGTERM');
  await until(() => server.output().includes('shutting down'), { what: 'the shutdown to begin' });
  const begun = performance.now();
  server.signal('SIGTERM');
  expect(await server.exited).toBe(143);
  expect(performance.now() - begun).toBeLessThan(8_000);
  socket.destroy();
});

test('a directory that is damaged, of a newer version or no directory: one clear sentence and an exit code, no crash', async () => {
  const serve = (data: string) =>
    spawnSync(process.execPath, [cliPath, 'serve', '--port', '0', '--log', `embedded:${data}`], {
      encoding: 'utf8',
      timeout: 60_000,
      env: cleanEnvironment(),
    });
  const data = await dataDirectory();
  const cases: Record<string, { files: Record<string, string | Buffer>; says: RegExp }> = {
    newer: { files: { 'format.json': '{"format":99}' }, says: /format 99.*up to \d+: use the version that wrote it/ },
    'no format': { files: { 'format.json': 'x' }, says: /damaged.*restore it from a backup/ },
    foreign: {
      files: { 'format.json': '{"format":1}', 'data.mdb': Buffer.alloc(8_192, 7) },
      says: /damaged.*data\.mdb|damaged/,
    },
    cut: { files: { 'format.json': '{"format":1}', 'data.mdb': Buffer.alloc(100) }, says: /damaged/ },
  };
  for (const [name, { files, says }] of Object.entries(cases)) {
    const directory = join(data, name);
    await mkdir(directory);
    for (const [file, content] of Object.entries(files)) await writeFile(join(directory, file), content);
    const { status, signal, stderr, stdout } = serve(directory);
    expect({ name, signal, stderr: says.test(stderr) ? 'as it should be' : stderr }).toEqual({
      name,
      signal: null,
      stderr: 'as it should be',
    });
    expect(status, name).toBeGreaterThan(0);
    expect(stderr, name).toContain(directory);
    expect(stdout + stderr, name).not.toMatch(/^\s+at /m);
  }
  const file = join(data, 'file');
  await appendFile(file, 'x');
  const { status, stderr } = serve(file);
  expect(status).toBeGreaterThan(0);
  expect(stderr).toContain(file);
});

test.each(['a size limit', 'a full disk'])(
  '%s: STORAGE_FULL, reading goes on, and publishing too once there is room',
  async (kind) => {
    const data = await dataDirectory();
    const args: string[] = [];
    if (kind === 'a size limit') args.push('--max-data-bytes', '16MiB');
    else {
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', data]).status === 0;
      if (!mounted)
        return console.warn('\n!!! SKIPPED: no tmpfs can be mounted here; the size limit is tested instead\n');
      onTestFinished(() => void spawnSync('umount', ['-l', data]));
    }
    const { client, server } = await start(data, ...args);
    await client.topics.create({ topic: 'ballast', settings: { schemaless: true } });
    const payload = `"${'x'.repeat(MiB - 2)}"`;
    await client.publish({ topic, events: [{ payload: '"before"' }] });
    const fill = async () => {
      for (let i = 0; i < 100; i++) await client.publish({ topic: 'ballast', events: [{ payload }] });
    };
    const full = await refusal(fill());
    expect(full).toMatchObject({ code: 'resource_exhausted', reason: 'STORAGE_FULL', retryable: true });
    expect(await stored(client)).toEqual(new Set(['"before"']));
    expect((await fetch(`${server.address}/livez`)).status).toBe(200);
    await client.topics.delete('ballast');
    for (;;) {
      const answer = await client.publish({ topic, events: [{ payload: '"after"' }] }).catch((error: unknown) => error);
      if (!(answer instanceof MainstemError)) break;
      expect(answer.reason).toBe('STORAGE_FULL');
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    expect((await stored(client)).has('"after"')).toBe(true);
  },
);

test('logs hold no payload, key, header or secret, of good and bad requests, at the most talkative level', async () => {
  const { server, client } = await start(await dataDirectory(), '--log-level', 'trace');
  const secret = 'MARKER-7c1f';
  const marked = {
    payload: `{"a":"${secret}"}`,
    key: secret,
    id: secret,
    subject: secret,
    attributes: { a: secret },
    headers: [['h', Buffer.from(secret)] as const],
  };
  await client.publish({ topic, events: [marked] });
  for (const payload of [secret, `{"a":"${secret}"`, `"${secret}`, `${secret}`.repeat(200_000)]) {
    await refusal(client.publish({ topic, events: [{ ...marked, payload }] }));
  }
  await refusal(client.publish({ topic, events: [{ ...marked, attributes: { [secret]: secret } }] }));
  await refusal(drain(client.frames({ topic, from: { cursor: secret } })));
  await refusal(client.topics.create({ topic: 'other', schema: `{"type":"${secret}"}` }));
  const authorization = { authorization: `Bearer ${secret}`, cookie: secret, 'x-secret': secret };
  for (const body of [secret, `{"topic":"${topic}","events":[{"json":"${secret}"`, `{"${secret}":1}`, '{']) {
    expect((await post(server.address, 'PublishService/Publish', body, authorization)).status).toBe(400);
  }
  const socket = await open(Number(new URL(server.address).port));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.resume().end(`${secret} / HTTP/1.1\r\n${secret}\r\n\r\n`);
  await closed;
  expect(await server.stop()).toBe(0);
  expect(server.output()).toContain('stopped');
  expect(server.output()).not.toContain(secret);
});
