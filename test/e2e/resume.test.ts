import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cli } from '../support/cli.js';
import { driverPairs } from '../support/pairs.js';
import { cleanEnvironment, cliPath, startServer } from '../support/server.js';

const people = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) =>
    JSON.stringify({ firstName: 'P', lastName: `${from + i}`, age: from + i }),
  );

/** A datamart: `tail --subscriber`, which commits what it has written. Killed like the process that it stands for. */
function startMart(address: string, topic: string) {
  const child = spawn(
    process.execPath,
    [cliPath, '--address', address, 'tail', topic, '--subscriber', 'mart-a', '--data-only', '--no-reconnect'],
    { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, 'exit');
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  return {
    async read(count: number): Promise<string[]> {
      const got: string[] = [];
      while (got.length < count) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`the datamart's stream ended after ${got.length} lines: ${errors}`);
        got.push(value);
      }
      return got;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

describe.each(await driverPairs())('on $name', (pair) => {
  test('a datamart resumes where it committed, whatever was killed: nothing acknowledged is missing', async () => {
    const { args, topic } = await pair.place();
    const seen: string[] = [];
    const expected: string[] = [];
    for (let round = 0; round < 4; round++) {
      // The session of the server that was killed has to end before its partitions are anybody's.
      const server = await startServer({ args: [...args, '--zookeeper-session-timeout-ms', '3s'] });
      onTestFinished(() => server.kill());
      const mart = startMart(server.address, topic('people'));
      onTestFinished(() => mart.kill());
      const batch = people(round * 100, round * 100 + 100);
      const published = await cli(server.address, ['publish', topic('people'), '-'], batch.join('\n'));
      expect(published, published.stderr).toMatchObject({ code: 0 });
      expected.push(...batch);
      // At least the new ones come; before them, again, what was not committed when everything died.
      while (!seen.includes(expected.at(-1) ?? '')) seen.push(...(await mart.read(1)));
      await Promise.all([mart.kill(), server.kill()]);
    }
    expect([...new Set(seen)]).toEqual(expected);
    expect(seen.length).toBeLessThan(expected.length * 4);
  }, 180_000);

  test('SIGTERM ends the streams with a reason; the next stream goes on after what was committed', async () => {
    const { args, topic } = await pair.place();
    const first = await startServer({ args });
    onTestFinished(() => first.kill());
    await cli(first.address, ['publish', topic('people'), '-'], people(0, 10).join('\n'));
    const tailed = await cli(first.address, [
      'tail',
      topic('people'),
      '--subscriber',
      'mart-b',
      '--limit',
      '4',
      '--data-only',
    ]);
    expect(tailed.stdout.trim().split('\n')).toEqual(people(0, 4));
    expect(await first.stop()).toBe(0);
    const second = await startServer({ args });
    onTestFinished(() => second.kill());
    const rest = await cli(second.address, [
      'tail',
      topic('people'),
      '--subscriber',
      'mart-b',
      '--no-follow',
      '--data-only',
    ]);
    expect(rest.stdout.trim().split('\n')).toEqual(people(4, 10));
  }, 120_000);
});
