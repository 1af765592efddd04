import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { earthquakes, flights } from '../../scripts/real-data-sets.js';
import { cli } from '../support/cli.js';
import { driverPairs } from '../support/pairs.js';
import { startServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const root = join(import.meta.dirname, '../..');

/** Lines by key, in order: what must come out as it went in. */
function byKey(lines: readonly string[], keyOf: (event: Record<string, unknown>) => unknown): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const line of lines) {
    const key = String(keyOf(JSON.parse(line)));
    const group = groups.get(key);
    if (group) group.push(line);
    else groups.set(key, [line]);
  }
  return groups;
}

describe.each(await driverPairs())('on $name', (pair) => {
  test('200,000 flights and 1,707 earthquakes go in and come out complete, in order per key, byte for byte', async () => {
    const { args, topic } = await pair.place();
    const folder = await temporaryDirectory();
    onTestFinished(() => folder.remove());
    const written = spawnSync('npx', ['tsx', 'scripts/real-data.ts', folder.path], { cwd: root });
    expect(written.status, written.stderr.toString()).toBe(0);
    const server = await startServer({ args });
    onTestFinished(() => server.kill());

    const sets = [
      { name: 'flights', events: flights().length, keyOf: (event: Record<string, unknown>) => event['distance'] },
      { name: 'earthquakes', events: earthquakes().length, keyOf: (event: Record<string, unknown>) => event['id'] },
    ];
    expect(sets.map(({ events }) => events)).toEqual([200_000, 1_707]);
    for (const { name, events, keyOf } of sets) {
      const file = join(folder.path, `${name}.ndjson`);
      const input = readFileSync(file, 'utf8').trimEnd().split('\n');
      const published = await cli(server.address, ['publish', topic(name), file]);
      expect(published, published.stderr).toMatchObject({ code: 0 });
      expect(published.stdout).toContain(events.toLocaleString('en-US'));
      const tailed = await cli(server.address, [
        'tail',
        topic(name),
        '--from',
        'earliest',
        '--no-follow',
        '--data-only',
      ]);
      expect(tailed, tailed.stderr).toMatchObject({ code: 0 });
      const output = tailed.stdout.trimEnd().split('\n');
      expect(output.length).toBe(events);
      const before = byKey(input, keyOf);
      const after = byKey(output, keyOf);
      expect(after.size).toBe(before.size);
      for (const [key, lines] of before) {
        if (Buffer.compare(Buffer.from(lines.join('\n')), Buffer.from(after.get(key)?.join('\n') ?? '')) !== 0) {
          expect(after.get(key), `${name} with key ${key}`).toEqual(lines);
        }
      }
      console.log(`${pair.name}: ${published.stdout.split('\n')[0]}`);
    }
  }, 300_000);
});
