import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { steadyPort } from '../support/ports.js';
import { cli } from '../unit/cli/run-cli.js';

// The built command, as users run it; `npm test` builds first.
const bin = new URL('../../bin/mainstem.js', import.meta.url).pathname;
let directory = '';
let server: ChildProcess;
let address = '';

async function serve(port: string): Promise<void> {
  server = spawn(process.execPath, [bin, 'serve', '--port', port, '--log', 'embedded:./data', '--log-level', 'warn'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const chunk of server.stdout ?? []) {
    text += String(chunk);
    const found = /http:\/\/127\.0\.0\.1:\d+/.exec(text);
    if (!found) continue;
    address = found[0];
    server.stdout?.resume();
    return;
  }
  throw new Error(`the server ended without saying where it listens: ${text}`);
}

async function stop(signal: NodeJS.Signals): Promise<void> {
  const ended = once(server, 'exit');
  server.kill(signal);
  await ended;
}

const run = (...args: string[]) => cli(address, args, { cwd: directory });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mainstem-e2e-'));
  await serve(`${await steadyPort()}`);
});

afterAll(async () => {
  await stop('SIGTERM');
  await rm(directory, { recursive: true });
});

test('topics are created, shown, applied and deleted', async () => {
  await writeFile(join(directory, 'age.json'), JSON.stringify({ type: 'object', properties: { age: { minimum: 0 } } }));
  const created = await run(
    'topics',
    'create',
    'people',
    '--schema',
    'age.json',
    '--partitions',
    '2',
    '--retention',
    '1d',
  );
  expect(created).toMatchObject({ code: 0, out: 'created people with 2 partitions\n' });
  const shown = JSON.parse((await run('topics', 'show', 'people', '--output', 'json')).out);
  expect(shown).toMatchObject({
    name: 'people',
    state: 'active',
    partitions: 2,
    retentionMs: 86_400_000,
    schemaVersion: 1,
  });
  expect((await run('topics', 'show', 'people')).out).toMatch(/high watermark/);
  expect((await run('topics', 'list')).out).toMatch(/people +active +2 +1d +version 1/);

  const again = await run('topics', 'create', 'people', '--schemaless');
  expect(again.code).toBe(1);
  expect(again.err).toContain('TOPIC_ALREADY_EXISTS');

  await mkdir(join(directory, 'topics', 'clicks'), { recursive: true });
  await writeFile(join(directory, 'topics', 'clicks', 'topic.json'), '{"schemaless":true,"retention":"2h"}');
  expect((await run('topics', 'apply', 'topics')).out).toMatch(/^clicks: .*created/);
  expect(await run('topics', 'apply', 'topics')).toMatchObject({ code: 0, out: 'clicks: nothing to change\n' });

  expect((await run('topics', 'delete', 'clicks')).code).toBe(2);
  expect(await run('topics', 'delete', 'clicks', '--yes')).toMatchObject({ code: 0, out: 'deleted clicks\n' });
  expect((await run('topics', 'show', 'clicks')).err).toContain('TOPIC_NOT_FOUND');
});

test('invalid lines are named; the valid ones come out as they went in', async () => {
  await writeFile(join(directory, 'people.ndjson'), '{"age":1}\n{"age":-1}\nnot json\n{"age" : 2.0}');
  const published = await run('publish', 'people', 'people.ndjson');
  expect(published.code).toBe(1);
  expect(published.err).toMatch(/^line 2: \/age .*\(minimum\)\nline 3: the payload is not JSON.*\n$/);
  const tailed = await run('tail', 'people', '--from', 'earliest', '--no-follow', '--data-only');
  expect(tailed.out.split('\n').sort()).toEqual(['', '{"age" : 2.0}', '{"age":1}']);
});

test('a file goes in and comes out byte for byte, and a subscriber goes on where it stopped', async () => {
  await run('topics', 'create', 'orders', '--schemaless');
  const text = Array.from(
    { length: 20_000 },
    (_, i) => `{"n":${i}, "big":123456789012345678901, "text":"é\\u0007"}\n`,
  ).join('');
  await writeFile(join(directory, 'orders.ndjson'), text);
  const published = JSON.parse((await run('publish', 'orders', 'orders.ndjson', '--output', 'json')).out);
  expect(published).toMatchObject({ stored: 20_000, rejected: 0 });
  expect((await run('tail', 'orders', '--from', 'earliest', '--no-follow', '--data-only')).out).toBe(text);

  const first = await run('tail', 'orders', '--subscriber', 'w', '--limit', '7', '--data-only');
  const rest = await run('tail', 'orders', '--subscriber', 'w', '--no-follow', '--data-only');
  expect(first.out + rest.out).toBe(text);
  const record = JSON.parse((await run('tail', 'orders', '--from', '-1h', '--limit', '1', '--output', 'json')).out);
  expect(record).toMatchObject({ topic: 'orders', partition: 0, offset: 0, data: { n: 0 } });
});

test('tail selects records and parts of them, ends where it is told to, and shows where a filter is wrong', async () => {
  await run('topics', 'create', 'selected', '--schemaless');
  const publish = (lines: string) => cli(address, ['publish', 'selected'], { stdin: lines });
  const numbers = Array.from({ length: 1_000 }, (_, n) => `{"n":${n}, "big":{"x":1.0,"y":2}}\n`);
  await publish(numbers.join(''));
  const whole = await run('tail', 'selected', '--from', 'earliest', '--no-follow', '--data-only');
  const cursor = /go on from: (\S+)/.exec(whole.err)?.[1] ?? '';
  await publish('{"n":1000}\n');
  const tail = (...args: string[]) => run('tail', 'selected', '--from', 'earliest', '--data-only', ...args);
  const picked = await tail('--until', cursor, '--filter', 'payload.n >= 998', '--fields', '/n,/big/x');
  expect(picked).toMatchObject({ code: 0, out: '{"n":998,"big":{"x":1.0}}\n{"n":999,"big":{"x":1.0}}\n' });
  expect((await tail('--until', 'latest', '--filter', 'payload.n == 1000')).out).toBe('{"n":1000}\n');
  expect((await tail('--until', '-1h')).out).toBe('');
  const sampled = (await tail('--until', cursor, '--sample', '0.1')).out;
  expect(sampled.split('\n').length).toBeGreaterThan(50);
  expect(sampled.split('\n').length).toBeLessThan(170);
  expect((await tail('--until', cursor, '--sample', '0.1')).out).toBe(sampled);

  const wrong = await tail('--filter', 'payload.n > 1 && paylod.n < 3');
  expect(wrong).toMatchObject({ code: 1, out: '' });
  expect(wrong.err).toContain('FILTER_INVALID');
  const lines = wrong.err.split('\n');
  const shown = lines.findIndex((line) => line.includes('payload.n > 1 && paylod.n < 3'));
  expect(lines[shown + 1]?.indexOf('^')).toBe(lines[shown]?.indexOf('paylod'));
});

test('a tail outlives a restart of its server, and neither loses nor repeats', async () => {
  await run('topics', 'create', 'live', '--schemaless');
  const interrupt = new AbortController();
  let seen: (text: string) => void = () => undefined;
  const until = (line: string) =>
    new Promise<void>((resolve) => {
      seen = (text) => text.endsWith(line) && resolve();
    });
  const one = until('{"n":1}\n');
  const tail = cli(address, ['tail', 'live', '--from', 'earliest', '--data-only'], {
    interrupt,
    onOut: (text) => seen(text),
  });
  await cli(address, ['publish', 'live'], { stdin: '{"n":1}' });
  await one;
  await stop('SIGTERM');
  const two = until('{"n":2}\n');
  await serve(new URL(address).port);
  await cli(address, ['publish', 'live'], { stdin: '{"n":2}' });
  await two;
  interrupt.abort({ signal: 'SIGINT', because: 'SIGINT' });
  expect(await tail).toMatchObject({ code: 130, out: '{"n":1}\n{"n":2}\n' });
});

test('the built command: a closed pipe ends it without a word, --version is the package’s', async () => {
  const shell = (command: string) => {
    const child = spawn('bash', ['-o', 'pipefail', '-c', command], {
      cwd: directory,
      env: { ...process.env, BIN: bin },
    });
    return Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  };
  const [out, err, [code]] = await shell(
    `node "$BIN" --address ${address} tail orders --from earliest --no-follow --data-only | head -n 2`,
  );
  expect(out.split('\n')).toHaveLength(3);
  expect(err).not.toMatch(/EPIPE|at /);
  expect(code).toBe(0);
  const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  expect((await shell('node "$BIN" --version'))[0]).toBe(`${manifest.version}\n`);
});

async function text(stream: AsyncIterable<unknown>): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += String(chunk);
  return all;
}
