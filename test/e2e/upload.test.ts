import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { createMainstemClient, type MainstemClient } from '../../src/client/index.js';
import { steadyPort } from '../support/ports.js';
import { cleanEnvironment, cliPath, startServer, type TestServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const count = 100_000;
const topic = 'load';

interface Stand {
  readonly directory: string;
  readonly client: MainstemClient;
  readonly start: () => Promise<TestServer>;
}

/** A server on a port that it comes back to, with a topic of three partitions, and a file of 100,000 lines. */
async function stand(): Promise<Stand & { readonly server: TestServer }> {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const port = await steadyPort();
  const start = async () => {
    const server = await startServer({
      args: ['--port', `${port}`, '--log', `embedded:${join(directory.path, 'data')}`],
    });
    onTestFinished(() => server.kill());
    return server;
  };
  const server = await start();
  const client = createMainstemClient({ address: server.address });
  onTestFinished(() => client.close());
  await client.topics.create({ topic, settings: { schemaless: true, partitions: 3 } });
  const lines = Array.from({ length: count }, (_, i) => JSON.stringify({ n: i + 1, id: `e${i + 1}` }));
  await writeFile(join(directory.path, 'load.ndjson'), `${lines.join('\n')}\n`);
  return { directory: directory.path, client, start, server };
}

function upload({ directory }: Stand, address: string, args: readonly string[]) {
  const child = spawn(process.execPath, [cliPath, '--address', address, 'publish', topic, ...args], {
    cwd: directory,
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code, said }));
  return { child, ended };
}

/** Resolves when so many records are stored: somewhere in the middle of the upload. */
async function middle({ client }: Stand, records: number): Promise<void> {
  let seen = 0;
  for await (const frame of client.frames({ topic, from: 'earliest' })) {
    if (frame.case === 'events') seen += frame.value.records.length;
    if (seen >= records) return;
  }
}

/** How often each line is stored. */
async function storedLines(address: string): Promise<Map<number, number>> {
  const child: ChildProcess = spawn(
    process.execPath,
    [cliPath, '--address', address, 'tail', topic, '--from', 'earliest', '--no-follow', '--data-only'],
    { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const times = new Map<number, number>();
  if (!child.stdout) throw new Error('the child has no output');
  for await (const line of createInterface({ input: child.stdout })) {
    const { n } = JSON.parse(line);
    times.set(n, (times.get(n) ?? 0) + 1);
  }
  return times;
}

async function expectEachOnce(address: string): Promise<void> {
  const times = await storedLines(address);
  expect(times.size).toBe(count);
  expect([...times].filter(([, often]) => often !== 1)).toEqual([]);
}

test.each([
  ['--idempotency-key', 'load-7'],
  ['--id-pointer', '/id'],
])(
  'an upload with %s goes on by itself after the server was killed: each line is stored exactly once',
  async (...flag) => {
    const bus = await stand();
    const { ended } = upload(bus, bus.server.address, ['load.ndjson', ...flag]);
    await middle(bus, 20_000);
    await bus.server.kill();
    const server = await bus.start();
    const { code, said } = await ended;
    expect({ code, said }).toMatchObject({ code: 0, said: expect.stringContaining('100,000 events stored') });
    await expectEachOnce(server.address);
  },
  120_000,
);

test('an upload that ended says how to go on, and that command stores what was left, and nothing twice', async () => {
  const bus = await stand();
  const first = upload(bus, bus.server.address, ['load.ndjson', '--idempotency-key', 'load-7', '--retry-for', '0s']);
  await middle(bus, 20_000);
  await bus.server.kill();
  const { code, said } = await first.ended;
  expect(code).toBe(3);
  const command = /^ {2}mainstem publish load (.*)$/m.exec(said)?.[1];
  expect(command).toMatch(/^load\.ndjson --from-line \d+ --idempotency-key load-7$/);
  const line = Number(/--from-line (\d+)/.exec(command ?? '')?.[1]);
  expect(line).toBeGreaterThan(1);
  const server = await bus.start();
  // What it calls settled is stored, though the server was killed.
  const before = await storedLines(server.address);
  expect(Array.from({ length: line - 1 }, (_, i) => i + 1).filter((n) => !before.has(n))).toEqual([]);
  const second = await upload(bus, server.address, (command ?? '').split(' ')).ended;
  expect(second.code).toBe(0);
  await expectEachOnce(server.address);
}, 120_000);

test('without ids the lines that may be stored or not are named, with both ways to go on', async () => {
  const bus = await stand();
  const first = upload(bus, bus.server.address, ['load.ndjson']);
  await middle(bus, 20_000);
  await bus.server.kill();
  const { code, said } = await first.ended;
  expect(code).toBe(3);
  const open = /(?:line|lines) may be stored or not: line (\d+)-(\d+)/.exec(said);
  const [, from, to] = open ?? [];
  const commands = [...said.matchAll(/--from-line (\d+)/g)].map(([, line]) => Number(line));
  expect(commands).toEqual([Number(from), Number(to) + 1]);
  const server = await bus.start();
  const before = await storedLines(server.address);
  const settled = Array.from({ length: Number(from) - 1 }, (_, i) => i + 1);
  expect(settled.filter((n) => before.get(n) !== 1)).toEqual([]);
  expect([...before.keys()].filter((n) => n > Number(to))).toEqual([]);
}, 120_000);
