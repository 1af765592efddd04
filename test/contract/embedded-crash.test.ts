import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openEmbedded } from '../../src/drivers/embedded/index.js';
import { startChild } from '../support/child-process.js';
import { readAll, textOf } from '../support/log-helpers.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { WRITER_PARTITIONS, writerTopic, writtenRecord } from '../support/written-record.js';

const writer = new URL('../support/embedded-writer.ts', import.meta.url).pathname;
const ROUNDS = 15;

describe('embedded drivers and the death of their process', { timeout: 120_000 }, () => {
  const cleanups: (() => Promise<void>)[] = [];
  const directory = async () => {
    const { path, remove } = await temporaryDirectory();
    cleanups.push(remove);
    return path;
  };
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  /** What the writer said of each thing last: the largest offset, version or generation. */
  const runUntilKilled = async (path: string, lineCount: number): Promise<Map<string, number>> => {
    const child = startChild(writer, path);
    const said = new Map<string, number>();
    let lines = 0;
    for await (const line of child.lines) {
      const [, what = '', value = ''] = /^((?:appended|truncated) \d|counted|cycled) (\d+)$/.exec(line) ?? [];
      if (what === '') throw new Error(`the writer said: ${line}`);
      said.set(what, Math.max(said.get(what) ?? 0, Number(value)));
      lines += 1;
      // What it still says before it dies was acknowledged too.
      if (lines === lineCount) child.process.kill('SIGKILL');
    }
    await child.kill();
    return said;
  };

  test(`kill -9 at ${ROUNDS} random moments: what was acknowledged is there, whole and in order`, async () => {
    const path = await directory();
    for (let round = 0; round < ROUNDS; round++) {
      const said = await runUntilKilled(path, 1 + Math.floor(Math.random() * 300));
      const embedded = await openEmbedded({ directory: path });
      for (let partition = 0; partition < WRITER_PARTITIONS; partition++) {
        const { earliest, highWatermark } = await embedded.log.bounds(writerTopic, partition);
        expect(highWatermark).toBeGreaterThanOrEqual(said.get(`appended ${partition}`) ?? 0);
        expect(earliest).toBeGreaterThanOrEqual(said.get(`truncated ${partition}`) ?? 0);
        const records = await readAll(embedded.log, writerTopic, partition, earliest);
        expect(records).toHaveLength(highWatermark - earliest);
        // Compared by hand: thousands of `expect` would take longer than the rest.
        const wrong = records.filter((record, i) => {
          const expected = writtenRecord(partition, earliest + i);
          const value = Buffer.from(record.value ?? []);
          const key = Buffer.from(record.key ?? []);
          const [name, content] = record.headers[0] ?? ['', Buffer.alloc(0)];
          return !(
            record.offset === earliest + i &&
            record.timestamp >= (records[i - 1]?.timestamp ?? 0) &&
            value.equals(expected.value ?? Buffer.alloc(0)) &&
            key.equals(expected.key ?? Buffer.alloc(0)) &&
            name === 'at' &&
            Buffer.from(content).toString() === `${partition}/${record.offset}`
          );
        });
        expect(wrong).toEqual([]);
      }
      const counter = await embedded.coordination.get(['count', 'er']);
      expect(counter?.version ?? 0).toBeGreaterThanOrEqual(said.get('counted') ?? 0);
      if (counter !== undefined) expect(Buffer.from(counter.value).toString()).toBe(`${counter.version}`);
      if ((await embedded.log.describeTopic('cycle')) !== undefined) {
        const values = (await readAll(embedded.log, 'cycle', 0)).map(textOf);
        const generation = values[0]?.split(':')[0];
        expect(values).toEqual(values.map((_, i) => `${generation}:${i}`));
      }
      await embedded.close();
    }
  });

  test('a second process is refused, and told which directory and which process', async () => {
    const path = await directory();
    const embedded = await openEmbedded({ directory: path });
    const child = startChild(writer, path);
    const said: string[] = [];
    for await (const line of child.lines) said.push(line);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^refused the data directory .* is in use by another process/);
    expect(said[0]).toContain(path);
    expect(said[0]).toContain(`pid ${process.pid}`);
    await embedded.close();
    const again = await openEmbedded({ directory: path });
    await again.close();
  });

  test('a newer or damaged format is refused, and nothing is changed', async () => {
    const path = await directory();
    await (await openEmbedded({ directory: path })).close();
    const file = join(path, 'format.json');
    const good = await readFile(file);
    for (const [text, message] of [
      ['{"format": 2}', /has format 2, and this version of mainstem knows formats up to 1/],
      ['{"format": "x"}', /is damaged .*format\.json/],
      ['garb', /is damaged .*format\.json/],
      ['', /is damaged .*format\.json/],
    ] as const) {
      await writeFile(file, text);
      await expect(openEmbedded({ directory: path })).rejects.toThrow(message);
      await expect(openEmbedded({ directory: path })).rejects.toThrow(path);
      expect(await readFile(file, 'utf8')).toBe(text);
    }
    await writeFile(file, good);
    await (await openEmbedded({ directory: path })).close();
    await writeFile(join(path, 'data.mdb'), Buffer.alloc(20_000, 'garbage'));
    await expect(openEmbedded({ directory: path })).rejects.toThrow(/is damaged .*data\.mdb/);
  });
});
