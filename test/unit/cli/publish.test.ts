import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PublishStatus } from '../../../src/gen/mainstem/v1/publish_pb.js';
import { LineServer } from './line-server.js';
import { cli } from './run-cli.js';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mainstem-cli-'));
});
afterAll(() => rm(directory, { recursive: true }));

test('each line is an event, byte for byte; line ends are no part of it, empty lines are counted', async () => {
  await using server = await LineServer.open();
  const lines = ['{"big":12345678901234567890, "f":1.0}', ' {"ü":"\\u0000"}', '[1,\t2]'];
  await writeFile(join(directory, 'a.ndjson'), `${lines[0]}\r\n\n${lines[1]}\n\r\n${lines[2]}`);
  const run = await cli(server.address, ['publish', 'orders', 'a.ndjson', '--key', 'k', '--output', 'json'], {
    cwd: directory,
  });
  expect(server.stored).toEqual(lines);
  expect(server.keys).toEqual(['k', 'k', 'k']);
  expect(JSON.parse(run.out)).toMatchObject({
    topic: 'orders',
    lines: 5,
    stored: 3,
    empty: 2,
    rejected: 0,
    unknown: 0,
  });
  expect(run).toMatchObject({ code: 0, err: '' });
});

test('a line is found wherever the chunks of stdin are cut', async () => {
  const text = '{"n":1}\r\n{"n":2}\n\n{"n":"é"}';
  const bytes = Buffer.from(text);
  for (let cut = 1; cut < bytes.length; cut += 3) {
    await using server = await LineServer.open();
    const stdin = new PassThrough();
    const running = cli(server.address, ['publish', 'orders'], { stdin });
    stdin.write(bytes.subarray(0, cut));
    setImmediate(() => stdin.end(bytes.subarray(cut)));
    expect((await running).code).toBe(0);
    expect(server.stored).toEqual(['{"n":1}', '{"n":2}', '{"n":"é"}']);
  }
});

test('rejected lines are named with what is wrong; the others are stored; the exit code says so', async () => {
  await using server = await LineServer.open({
    event: (text) =>
      text.includes('bad')
        ? {
            status: PublishStatus.REJECTED,
            reason: 'SCHEMA_VIOLATION',
            violations: [{ event: 0, pointer: '/age', rule: 'minimum', message: 'must be >= 0' }],
          }
        : undefined,
  });
  const lines = Array.from({ length: 40 }, (_, i) => (i % 2 ? `{"bad":${i}}` : `{"n":${i}}`));
  const run = await cli(server.address, ['publish', 'orders', '--max-errors', '3'], { stdin: lines.join('\n') });
  expect(run.code).toBe(1);
  expect(server.stored).toHaveLength(20);
  expect(run.err).toContain('line 2: /age must be >= 0 (minimum)\nline 4: ');
  expect(run.err).toContain('… and 17 more rejected lines');
  expect(run.out).toContain('20 events stored in orders');
});

test('what an overloaded server does not store is sent again, and no key’s order changes', async () => {
  let refused = 0;
  await using server = await LineServer.open({
    // Some events fail on their first two attempts, and some batches fail as a whole.
    event: (text, attempt) =>
      /[24]00,/.test(text) && attempt <= 2
        ? { status: PublishStatus.NOT_STORED, reason: 'OVERLOADED', message: 'busy' }
        : undefined,
    batch: (_events, call) =>
      call % 9 === 4 && refused++ < 3
        ? { failure: { reason: 'OVERLOADED', message: 'busy', retryable: true, retryDelay: { nanos: 1e6 } } }
        : undefined,
  });
  const lines = Array.from({ length: 900 }, (_, i) => `{"n":${i},"p":${i % 3}}`);
  const run = await cli(server.address, ['publish', 'orders', '--batch', '20'], { stdin: lines.join('\n') });
  expect(run.code).toBe(0);
  expect(refused).toBeGreaterThan(0);
  expect(run.err).toContain('OVERLOADED: sending again');
  for (const p of [0, 1, 2]) {
    expect(server.stored.filter((text) => text.endsWith(`:${p}}`))).toEqual(
      lines.filter((text) => text.endsWith(`:${p}}`)),
    );
  }
});

test('an event that may be stored or not ends it: nothing later of its partition follows, and the lines are named', async () => {
  await using server = await LineServer.open({
    event: (text) =>
      text === '{"n":50}'
        ? { status: PublishStatus.UNKNOWN, reason: 'STORE_OUTCOME_UNKNOWN', message: 'the log did not answer' }
        : undefined,
  });
  const lines = Array.from({ length: 5000 }, (_, i) => `{"n":${i}}`);
  const run = await cli(server.address, ['publish', 'orders', '--batch', '10'], { stdin: lines.join('\n') });
  expect(run.code).toBe(3);
  expect(server.stored).toEqual(lines.slice(0, 50));
  expect(run.out).toContain('1 line may be stored or not: line 51');
  expect(run.out).toMatch(/read but not stored: line 52-/);
  expect(run.err).toContain('STORE_OUTCOME_UNKNOWN');
});

test('a connection that breaks leaves open only what was in flight', async () => {
  const server = await LineServer.open({
    batch: (_events, call) => {
      if (call === 3) server.cut();
      return undefined;
    },
  });
  const lines = Array.from({ length: 20_000 }, (_, i) => `{"n":${i}}`);
  const run = await cli(server.address, ['publish', 'orders', '--output', 'json'], { stdin: lines.join('\n') });
  await server[Symbol.asyncDispose]();
  expect(run.code).toBe(3);
  const summary = JSON.parse(run.out) as { stored: number; unknown: number; firstUnknown: number };
  expect(summary.stored + 1).toBe(summary.firstUnknown);
  expect(summary.unknown).toBeGreaterThan(0);
  expect(summary.unknown).toBeLessThan(17_000);
  expect(run.err).toContain('CONNECTION_LOST');
});

test('what cannot work is said before anything is sent', async () => {
  await using server = await LineServer.open();
  const missing = await cli(server.address, ['publish', 'missing'], { stdin: '{}' });
  expect(missing).toMatchObject({ code: 1, out: '' });
  expect(missing.err).toMatch(
    /there is no topic missing\n {2}reason: TOPIC_NOT_FOUND\n {2}hint: `mainstem topics list`/,
  );

  const bom = await cli(server.address, ['publish', 'orders'], { stdin: '\ufeff{}\n' });
  expect(bom.code).toBe(2);
  expect(bom.err).toContain('byte order mark');

  expect(await cli(server.address, ['publish', 'orders', 'nothing.ndjson'])).toMatchObject({
    code: 2,
    err: 'error: there is no file nothing.ndjson\n',
  });
  expect(server.stored).toEqual([]);

  const gone = await cli('127.0.0.1:1', ['publish', 'orders'], { stdin: '{}' });
  expect(gone.code).toBe(3);
  expect(gone.err).toContain('cannot reach the server at http://127.0.0.1:1 (ECONNREFUSED)');
  expect(gone.err).toContain('mainstem serve');
});

test('an interrupt sends nothing more, waits for what is in flight, and reports', async () => {
  await using server = await LineServer.open();
  const interrupt = new AbortController();
  const stdin = new PassThrough();
  const running = cli(server.address, ['publish', 'orders'], { stdin, interrupt });
  stdin.write('{"n":1}\n');
  await expect.poll(() => server.stored.length, { timeout: 30_000 }).toBe(1);
  interrupt.abort({ signal: 'SIGINT', because: 'SIGINT' });
  const run = await running;
  expect(run.code).toBe(130);
  expect(run.out).toContain('1 event stored');
});

test('a line above every limit is rejected without being held', async () => {
  await using server = await LineServer.open();
  async function* input() {
    yield Buffer.from('{"n":1}\n"');
    for (let i = 0; i < 40; i++) yield Buffer.alloc(1024 * 1024, 97);
    yield Buffer.from('"\n{"n":2}\n');
  }
  const { Readable } = await import('node:stream');
  const run = await cli(server.address, ['publish', 'orders'], { stdin: Readable.from(input()) });
  expect(run.code).toBe(1);
  expect(run.err).toContain('line 2: longer than 8388608 bytes');
  expect(server.stored).toEqual(['{"n":1}', '{"n":2}']);
});

test('a server that is none is named, and does not end the process', async () => {
  const { createServer } = await import('node:http');
  const other = createServer((_request, response) => response.end('hello'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const run = await cli(`127.0.0.1:${port}`, ['publish', 'orders'], { stdin: '{}' });
  expect(run.code).toBe(3);
  expect(run.err).toContain('is it a Mainstem server?');
  await new Promise((resolve) => other.close(resolve));
});
