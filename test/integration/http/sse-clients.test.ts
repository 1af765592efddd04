import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { type HttpStand, openHttpStand } from '../../support/http-stand.js';
import { type PythonPackages, pythonWith } from '../../support/python-packages.js';
import { startRelay } from '../../support/relay.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const programs = join(root, 'test/support/sse');

const total = 4_500;
const filler = 'x'.repeat(100);
/** One write holds 64 KiB at most, and a record of these has more than 150 bytes. */
const mostRepeats = Math.ceil((64 * 1024) / 150);

let stand: HttpStand;
let python: PythonPackages;
beforeAll(async () => {
  python = await pythonWith('httpx==0.28.1', 'httpx-sse==0.4.3', 'sseclient-py==1.9.0');
  stand = await openHttpStand();
  const payloads = Array.from({ length: total }, (_, n) => JSON.stringify({ n, filler }));
  await stand.topic('ticks', payloads, 3);
});
afterAll(async () => {
  expect(stand.logged).toEqual([]);
  await stand[Symbol.asyncDispose]();
});

/** Reads a topic through a connection that breaks once, in the middle of a record; the client comes back by itself or as its users do it. */
async function readCut({ onTestFinished }: TestContext, program: string, ...parameters: readonly string[]) {
  const relay = await startRelay(stand.port, { cutBehind: `"data":{"n":${total / 2},` });
  onTestFinished(() => relay.close());
  const url = `${relay.url}/v1/topics/ticks/events?from=earliest`;
  const { stdout } = await run(program, [...parameters, url, `${total}`], {
    cwd: root,
    timeout: 50_000,
    maxBuffer: 1 << 26,
  });
  const got: { readonly seen: readonly number[]; readonly empty: number } = JSON.parse(stdout);
  expect(got.empty).toBe(0);
  expect([...new Set(got.seen)].sort((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, n) => n));
  expect(got.seen.length - total).toBeLessThanOrEqual(mostRepeats);
}

/** A machine without Python or Go does without these clients, but never CI. */
function skip(context: TestContext, why: string): void {
  if (process.env.CI) throw new Error(why);
  console.warn(`SKIPPED: ${why}`);
  context.skip();
}

describe.concurrent('a client of event streams that is cut off once among 4,500 events gets all of them, and few again', () => {
  test.for(['eventsource2', 'eventsource3', 'eventsource-parser', 'fetch-event-source'])(
    '%s (npm)',
    (client, context) => readCut(context, process.execPath, join(programs, 'clients.mjs'), client),
  );

  test.for(['sseclient-py', 'httpx-sse'])('%s (PyPI)', async (client, context) => {
    if ('missing' in python) return skip(context, `event streams in Python: ${python.missing}`);
    await readCut(context, python.python, join(programs, 'clients.py'), client);
  });

  test('r3labs/sse (Go)', async (context) => {
    const program = join(root, '.cache/go-bin/sse-client-1');
    if (!existsSync(program)) {
      const built = await run('go', ['build', '-C', join(programs, 'go'), '-o', program, '.']).catch(
        (error: Error) => error,
      );
      if (built instanceof Error) return skip(context, `event streams in Go: ${built.message.split('\n')[0]}`);
    }
    await readCut(context, program);
    // The first time its modules are fetched, and it is built.
  }, 300_000);
});
