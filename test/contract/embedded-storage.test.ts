import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EventLog } from '../../src/core/ports/event-log.js';
import { openEmbedded, openEmbeddedCoordination, openEmbeddedLog } from '../../src/drivers/embedded/index.js';
import { keepAll, readAll, record, textOf } from '../support/log-helpers.js';
import { tailCollector } from '../support/tail-collector.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const settled = { timeout: 20_000, interval: 10 };

describe('embedded storage', { timeout: 60_000 }, () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let log: EventLog | undefined;
  beforeEach(async () => {
    directory = await temporaryDirectory();
  });
  afterEach(async () => {
    await log?.close();
    log = undefined;
    await directory.remove();
  });
  const open = async (options: Partial<Parameters<typeof openEmbeddedLog>[0]> = {}) => {
    log = await openEmbeddedLog({ directory: directory.path, ...options });
    return log;
  };
  const blob = (bytes: number) => ({ key: null, value: Buffer.alloc(bytes, 1), headers: [] });

  test('retention by time removes whole batches that are too old, and only those', async () => {
    let now = 1_000_000;
    const opened = await open({ clock: () => now, retentionIntervalMs: 10 });
    await opened.createTopic('t', keepAll({ retentionMs: 60_000 }));
    await opened.append('t', 0, [record('old'), record('old')]);
    now += 40_000;
    await opened.append('t', 0, [record('young')]);
    now += 20_000;
    await opened.append('t', 0, [record('new')]);
    now += 1;
    await vi.waitFor(async () => expect((await opened.bounds('t', 0)).earliest).toBe(2), settled);
    expect((await readAll(opened, 't', 0, 2)).map(textOf)).toEqual(['young', 'new']);
    now += 1_000_000;
    await vi.waitFor(async () => expect((await opened.bounds('t', 0)).earliest).toBe(4), settled);
    // A clock that goes back does not take the log's time back, not even when nothing is left of it.
    await opened.close();
    now = 5_000;
    const again = await open({ clock: () => now });
    expect(await again.append('t', 0, [record('next')])).toEqual({ baseOffset: 4, timestamp: 1_060_000 });
  });

  test('retention by size keeps at least so much of the newest', async () => {
    const opened = await open({ retentionIntervalMs: 10 });
    await opened.createTopic('t', keepAll({ retentionBytes: 100_000 }));
    for (let i = 0; i < 40; i++) await opened.append('t', 0, [blob(10_000)]);
    await vi.waitFor(async () => expect((await opened.bounds('t', 0)).earliest).toBeGreaterThanOrEqual(29), settled);
    expect((await opened.bounds('t', 0)).earliest).toBeLessThanOrEqual(30);
  });

  test('space is used again: truncation and deletion keep the file from growing', async () => {
    const opened = await open();
    await opened.createTopic('kept', keepAll());
    const write = async (round: number) => {
      await opened.createTopic(`gone-${round}`, keepAll());
      for (let i = 0; i < 20; i++) {
        await Promise.all([
          opened.append('kept', 0, [blob(50_000)]),
          opened.append(`gone-${round}`, 0, [blob(50_000)]),
        ]);
      }
      await opened.truncateBefore('kept', 0, Number.MAX_SAFE_INTEGER);
      await opened.deleteTopic(`gone-${round}`);
    };
    for (let round = 0; round < 10; round++) await write(round);
    // 20 MB were written, 2 MB at a time; removal runs beside the appends.
    expect((await stat(join(directory.path, 'data.mdb'))).size).toBeLessThan(9_000_000);
  });

  test('the size counts the batches that are left, also after truncation within one and a restart', async () => {
    const opened = await open();
    await opened.createTopic('t', keepAll({ partitions: 2 }));
    await opened.append('t', 0, [blob(10_000), blob(10_000)]);
    await opened.append('t', 0, [blob(10_000)]);
    const [all = 0, none] = await opened.size('t');
    expect(none).toBe(0);
    await opened.truncateBefore('t', 0, 1);
    expect(await opened.size('t')).toEqual([all, 0]);
    await opened.truncateBefore('t', 0, 2);
    const [last = 0] = await opened.size('t');
    expect(last).toBeGreaterThanOrEqual(10_000);
    expect(last).toBeLessThan(all / 2);
    await opened.close();
    const again = await open();
    expect(await again.size('t')).toEqual([last, 0]);
    await again.truncateBefore('t', 0, 3);
    expect(await again.size('t')).toEqual([0, 0]);
  });

  test('at its size limit appends fail as STORAGE_FULL, reads go on, and truncation makes room', async () => {
    const opened = await open({ maxBytes: 2_000_000 });
    await opened.createTopic('t', keepAll());
    let stored = 0;
    const fill = async () => {
      for (;;) {
        await opened.append('t', 0, [blob(100_000)]);
        stored += 1;
      }
    };
    await expect(fill()).rejects.toMatchObject({ reason: 'STORAGE_FULL' });
    expect(stored).toBeGreaterThan(10);
    expect(stored).toBeLessThanOrEqual(20);
    expect(await readAll(opened, 't', 0)).toHaveLength(stored);
    expect((await opened.bounds('t', 0)).highWatermark).toBe(stored);
    await opened.createTopic('other', keepAll());
    await opened.truncateBefore('t', 0, 8);
    const again = () => opened.append('t', 0, [blob(100_000)]);
    const next = await vi.waitFor(again, settled);
    expect(next.baseOffset).toBe(stored);
  });

  test('a batch that is read in parts arrives whole, and the event loop gets its turn', async () => {
    const opened = await open();
    await opened.createTopic('t', keepAll());
    for (let i = 0; i < 20; i++)
      await opened.append(
        't',
        0,
        Array.from({ length: 900 }, () => blob(1_000)),
      );
    let turns = 0;
    let reading = true;
    const count = () => {
      turns += 1;
      if (reading) setImmediate(count);
    };
    setImmediate(count);
    expect(await readAll(opened, 't', 0, 0, 100_000)).toHaveLength(18_000);
    reading = false;
    expect(turns).toBeGreaterThan(5);
    const collector = tailCollector();
    const tail = opened.openTail(collector.sink);
    tail.add('t', 0, 0);
    await opened.append('t', 0, [record('last')]);
    await collector.until(() => collector.of('t', 0).nextOffset === 18_001);
    expect(collector.of('t', 0).records).toHaveLength(18_001);
    expect(collector.breaks).toEqual([]);
  });

  test('a topic deleted just before closing leaves nothing behind', async () => {
    const opened = await open();
    await opened.createTopic('t', keepAll({ partitions: 2 }));
    for (let i = 0; i < 300; i++) await opened.append('t', i % 2, [record('old')]);
    await opened.deleteTopic('t');
    await opened.close();
    const again = await open();
    expect(await again.listTopics()).toEqual([]);
    await again.createTopic('t', keepAll({ partitions: 2 }));
    expect(await again.bounds('t', 1)).toMatchObject({ earliest: 0, highWatermark: 0 });
    await again.append('t', 1, [record('new')]);
    await again.close();
    const third = await open();
    expect((await readAll(third, 't', 1)).map(textOf)).toEqual(['new']);
  });

  test('one copy is all there is: replication is refused, in words', async () => {
    const opened = await open();
    await expect(opened.createTopic('t', keepAll({ replicationFactor: 3 }))).rejects.toMatchObject({
      reason: 'TOPIC_SETTINGS_INVALID',
      message: expect.stringContaining('one copy'),
    });
    await expect(opened.createTopic('t', keepAll({ partitions: 0 }))).rejects.toMatchObject({
      reason: 'TOPIC_SETTINGS_INVALID',
    });
  });

  test('log and coordination share a directory, open together or apart; a second log is refused', async () => {
    const both = await openEmbedded({ directory: directory.path });
    const connection = await openEmbeddedCoordination({ directory: directory.path });
    await expect(openEmbeddedLog({ directory: directory.path })).rejects.toThrow(/open already/);
    await both.coordination.create(['a'], Buffer.from('1'));
    await both.log.createTopic('t', keepAll());
    await both.close();
    expect(Buffer.from((await connection.get(['a']))?.value ?? []).toString()).toBe('1');
    await expect(both.log.append('t', 0, [record('x')])).rejects.toMatchObject({ reason: 'LOG_UNAVAILABLE' });
    const opened = await open();
    expect(await opened.listTopics()).toEqual(['t']);
    await connection.close();
    expect((await opened.append('t', 0, [record('x')])).baseOffset).toBe(0);
  });
});
