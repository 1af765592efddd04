import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import type { LogRecord } from '../../src/core/model.js';
import type { EventLog, LogTail } from '../../src/core/ports/event-log.js';
import { freshTopic, keepAll, readAll, record, textOf } from '../support/log-helpers.js';
import { type TailCollector, tailCollector } from '../support/tail-collector.js';
import { judgesPositions } from './event-log-epochs.js';
import { keepsLivesApart } from './event-log-identity.js';
import { behavesAsList } from './event-log-property.js';
import { tellsSizes } from './event-log-size.js';

/**
 * What the suite needs of a driver. `open` connects to one and the same backend each time; the suite calls it once at the start, and again
 * after it has closed the log before (to see that what was acknowledged is still there). `close` ends the backend.
 */
export interface EventLogHarness {
  open(): Promise<EventLog>;
  close(): Promise<void>;
}

export interface EventLogSuiteOptions {
  /** Runs of the property test; default 25. */
  readonly runs?: number;
  /** Per test, in milliseconds; default 30,000. */
  readonly timeout?: number;
}

/** Tests the promises of the EventLog port. `start` is called once; topics have names of their own, so that a backend may be shared. */
export function describeEventLog(
  name: string,
  start: () => Promise<EventLogHarness>,
  options: EventLogSuiteOptions = {},
): void {
  const timeout = options.timeout ?? 30_000;
  describe(`event log contract: ${name}`, { timeout }, () => {
    let harness: EventLogHarness;
    let log: EventLog;
    const tails: LogTail[] = [];
    const created: string[] = [];

    const newTopic = async (settings: Parameters<typeof keepAll>[0] = {}): Promise<string> => {
      const topic = freshTopic();
      await log.createTopic(topic, keepAll(settings));
      created.push(topic);
      return topic;
    };
    const openTail = (collector: TailCollector): LogTail => {
      const tail = log.openTail(collector.sink);
      tails.push(tail);
      return tail;
    };
    const values = (records: readonly LogRecord[]) => records.map(textOf);

    beforeAll(async () => {
      harness = await start();
      log = await harness.open();
    }, 120_000);
    afterEach(async () => {
      for (const tail of tails.splice(0)) await tail.close();
      for (const topic of created.splice(0)) await log.deleteTopic(topic).catch(() => undefined);
    });
    afterAll(async () => {
      await log?.close();
      await harness?.close();
    }, 60_000);

    describe('topics', () => {
      test('are created, described and listed', async () => {
        const topic = await newTopic({ partitions: 3, retentionMs: 3_600_000, maxEventBytes: 100_000 });
        expect(await log.describeTopic(topic)).toMatchObject({
          partitions: 3,
          retentionMs: 3_600_000,
          retentionBytes: 0,
          publisherTime: false,
        });
        const described = await log.describeTopic(topic);
        expect(described?.maxEventBytes).toBeGreaterThanOrEqual(100_000);
        expect(described?.maxBatchBytes).toBeGreaterThanOrEqual(100_000 + 192 * 1024);
        expect(described?.replicationFactor).toBeGreaterThanOrEqual(1);
        expect(described?.minInsyncReplicas).toBeGreaterThanOrEqual(1);
        expect(await log.listTopics()).toContain(topic);
        expect(log.status.state).toBe('up');
      });

      test('exist once, and of several racing creations one succeeds', async () => {
        const topic = freshTopic();
        created.push(topic);
        const results = await Promise.allSettled([1, 2, 3].map(() => log.createTopic(topic, keepAll())));
        expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
        await expect(log.createTopic(topic, keepAll())).rejects.toMatchObject({ reason: 'TOPIC_ALREADY_EXISTS' });
      });

      test('that do not exist are not found', async () => {
        const topic = freshTopic();
        const partial = await newTopic({ partitions: 2 });
        const missing = { reason: 'TOPIC_NOT_FOUND' };
        expect(await log.describeTopic(topic)).toBeUndefined();
        await expect(log.append(topic, 0, [record('a')])).rejects.toMatchObject(missing);
        await expect(log.append(partial, 2, [record('a')])).rejects.toMatchObject(missing);
        await expect(log.read(topic, 0, 0, 1000)).rejects.toMatchObject(missing);
        await expect(log.read(partial, 2, 0, 1000)).rejects.toMatchObject(missing);
        await expect(log.bounds(topic, 0)).rejects.toMatchObject(missing);
        await expect(log.offsetForTime(topic, 0, 0)).rejects.toMatchObject(missing);
        await expect(log.size(topic)).rejects.toMatchObject(missing);
        await expect(log.truncateBefore(topic, 0, 0)).rejects.toMatchObject(missing);
        await expect(log.updateTopic(topic, { retentionMs: 5000 })).rejects.toMatchObject(missing);
        await expect(log.deleteTopic(topic)).rejects.toMatchObject(missing);
      });

      test('gain partitions and change settings, never lose partitions', async () => {
        const topic = await newTopic({ partitions: 1 });
        await log.append(topic, 0, [record('before')]);
        await log.updateTopic(topic, { partitions: 3, retentionMs: 7_200_000, retentionBytes: 5_000_000 });
        expect(await log.describeTopic(topic)).toMatchObject({
          partitions: 3,
          retentionMs: 7_200_000,
          retentionBytes: 5_000_000,
        });
        await log.append(topic, 2, [record('after')]);
        expect(values(await readAll(log, topic, 0))).toEqual(['before']);
        expect(values(await readAll(log, topic, 2))).toEqual(['after']);
        await expect(log.updateTopic(topic, { partitions: 2 })).rejects.toMatchObject({
          reason: 'TOPIC_SETTINGS_INVALID',
        });
      });

      test('are neither written to nor deleted against the last word of the caller', async () => {
        const topic = await newTopic();
        const unwanted = log.append(topic, 0, [record('of another life')], () => false);
        await expect(unwanted).rejects.toMatchObject({ reason: 'TOPIC_DELETED' });
        await log.append(topic, 0, [record('wanted')], () => true);
        const unlocked = log.deleteTopic(topic, () => {
          throw new BusError('COORDINATION_UNAVAILABLE', 'the lock is lost');
        });
        await expect(unlocked).rejects.toMatchObject({ reason: 'COORDINATION_UNAVAILABLE' });
        expect(values(await readAll(log, topic, 0))).toEqual(['wanted']);
      });

      test('that are deleted and created anew start at 0, without the old records', async () => {
        const topic = await newTopic();
        await log.append(topic, 0, [record('old 1'), record('old 2')]);
        await log.deleteTopic(topic);
        expect(await log.describeTopic(topic)).toBeUndefined();
        expect(await log.listTopics()).not.toContain(topic);
        await expect(log.append(topic, 0, [record('lost')])).rejects.toMatchObject({ reason: 'TOPIC_NOT_FOUND' });
        await log.createTopic(topic, keepAll());
        expect(await log.bounds(topic, 0)).toMatchObject({ earliest: 0, highWatermark: 0 });
        expect((await log.append(topic, 0, [record('new')])).baseOffset).toBe(0);
        expect(values(await readAll(log, topic, 0))).toEqual(['new']);
      });
    });

    describe('appends', () => {
      test('get consecutive offsets in order, partition by partition, at the same time', async () => {
        const partitions = 4;
        const topic = await newTopic({ partitions });
        const write = async (partition: number) => {
          let expected = 0;
          let lastTime = 0;
          for (let batch = 0; batch < 20; batch++) {
            const records = Array.from({ length: 1 + (batch % 5) }, (_, i) => record(`${partition}:${expected + i}`));
            const { baseOffset, timestamp } = await log.append(topic, partition, records);
            expect(baseOffset).toBe(expected);
            expect(timestamp).toBeGreaterThanOrEqual(lastTime);
            lastTime = timestamp;
            expected += records.length;
          }
          return expected;
        };
        const counts = await Promise.all(Array.from({ length: partitions }, (_, partition) => write(partition)));
        for (let partition = 0; partition < partitions; partition++) {
          const records = await readAll(log, topic, partition, 0, 2000);
          expect(values(records)).toEqual(
            Array.from({ length: counts[partition] ?? 0 }, (_, i) => `${partition}:${i}`),
          );
          expect(records.map((entry) => entry.offset)).toEqual(records.map((_, i) => i));
          const times = records.map((entry) => entry.timestamp);
          expect(times).toEqual([...times].sort((a, b) => a - b));
          expect(Math.abs(Date.now() - (times[0] ?? 0))).toBeLessThan(600_000);
        }
      });

      test('keep every byte: nulls, empty keys and values, repeated headers, binary', async () => {
        const topic = await newTopic();
        const binary = Uint8Array.from({ length: 256 }, (_, i) => i);
        const batch = [
          { key: null, value: null, headers: [] },
          { key: new Uint8Array(0), value: new Uint8Array(0), headers: [] },
          { key: binary, value: binary, headers: [['binary', binary] as const, ['', new Uint8Array(0)] as const] },
          record(null, 'a tombstone'),
          record('€ 🙂', 'ключ', [
            ['same', Buffer.from('1')],
            ['same', Buffer.from('2')],
            ['näme', Buffer.from('x')],
          ]),
          { key: null, value: Buffer.alloc(300_000, 7), headers: [] },
        ];
        await log.append(topic, 0, batch);
        const back = await readAll(log, topic, 0, 0, 10_000_000);
        const plain = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString('hex'));
        const shape = (entry: (typeof batch)[number] | LogRecord) => ({
          key: plain(entry.key),
          value: plain(entry.value),
          headers: entry.headers.map(([header, value]) => [header, plain(value)]),
        });
        expect(back.map(shape)).toEqual(batch.map(shape));
      });

      test('take the largest event with its headers, and refuse more', async () => {
        const topic = await newTopic({ maxEventBytes: 64 * 1024 });
        const headers = [['big', Buffer.alloc(100 * 1024, 1)] as const];
        await log.append(topic, 0, [{ key: Buffer.alloc(1024, 2), value: Buffer.alloc(64 * 1024, 3), headers }]);
        const huge = { key: null, value: Buffer.alloc(4 * 1024 * 1024, 4), headers: [] };
        await expect(log.append(topic, 0, [huge])).rejects.toMatchObject({ reason: 'EVENT_TOO_LARGE' });
        expect((await log.append(topic, 0, [record('next')])).baseOffset).toBe(1);
      });

      test('survive closing and opening', async () => {
        const topic = await newTopic({ partitions: 2 });
        const first = await log.append(topic, 1, [record('a'), record('b')]);
        await log.append(topic, 1, [record('c')]);
        await log.truncateBefore(topic, 1, 1);
        await log.close();
        log = await harness.open();
        expect(await log.bounds(topic, 1)).toMatchObject({ earliest: 1, highWatermark: 3 });
        expect(values(await readAll(log, topic, 1, 1))).toEqual(['b', 'c']);
        const next = await log.append(topic, 1, [record('d')]);
        expect(next.baseOffset).toBe(3);
        expect(next.timestamp).toBeGreaterThanOrEqual(first.timestamp);
      });
    });

    describe('reads', () => {
      test('are bounded, start anywhere, and give at least one record', async () => {
        const topic = await newTopic();
        for (let batch = 0; batch < 10; batch++) {
          await log.append(
            topic,
            0,
            [0, 1, 2].map((i) => record(`${batch * 3 + i}`.padEnd(1000, '.'))),
          );
        }
        const bounded = await log.read(topic, 0, 0, 7000);
        if (bounded.outcome !== 'ok') throw new Error(bounded.outcome);
        expect(bounded.records.length).toBeLessThan(30);
        expect(bounded.highWatermark).toBe(30);
        for (const from of [0, 1, 2, 13, 29]) {
          const slice = await log.read(topic, 0, from, 1);
          if (slice.outcome !== 'ok') throw new Error(slice.outcome);
          expect(slice.records[0]?.offset).toBe(from);
          expect(slice.nextOffset).toBe((slice.records.at(-1)?.offset ?? from - 1) + 1);
        }
        expect(values(await readAll(log, topic, 0, 7, 3500)).map((text) => Number.parseInt(text ?? '', 10))).toEqual(
          Array.from({ length: 23 }, (_, i) => i + 7),
        );
      });

      test('at the end give nothing at once, beyond it say so', async () => {
        const topic = await newTopic();
        const empty = { outcome: 'ok', records: [], nextOffset: 0, earliest: 0, highWatermark: 0 };
        expect(await log.read(topic, 0, 0, 1000)).toMatchObject(empty);
        await log.append(topic, 0, [record('a'), record('b')]);
        expect(await log.read(topic, 0, 2, 1000)).toMatchObject({ ...empty, nextOffset: 2, highWatermark: 2 });
        expect(await log.read(topic, 0, 3, 1000)).toMatchObject({ outcome: 'ahead', earliest: 0, highWatermark: 2 });
      });

      test('below what truncation left are expired, and truncation never goes back', async () => {
        const topic = await newTopic();
        for (const text of ['0', '1', '2', '3', '4', '5'])
          await log.append(topic, 0, [record(text), record(`${text}+`)]);
        await log.truncateBefore(topic, 0, 5);
        expect(await log.bounds(topic, 0)).toMatchObject({ earliest: 5, highWatermark: 12 });
        expect(await log.read(topic, 0, 4, 1000)).toMatchObject({ outcome: 'expired', earliest: 5, highWatermark: 12 });
        expect(values(await readAll(log, topic, 0, 5))).toEqual(['2+', '3', '3+', '4', '4+', '5', '5+']);
        await log.truncateBefore(topic, 0, 2);
        expect((await log.bounds(topic, 0)).earliest).toBe(5);
        await log.truncateBefore(topic, 0, 1_000_000);
        expect(await log.bounds(topic, 0)).toMatchObject({ earliest: 12, highWatermark: 12 });
        expect((await log.append(topic, 0, [record('next')])).baseOffset).toBe(12);
        expect(values(await readAll(log, topic, 0, 12))).toEqual(['next']);
      });

      test('find the first record of a time', async () => {
        const topic = await newTopic();
        expect(await log.offsetForTime(topic, 0, 0)).toBe(0);
        const appended: { baseOffset: number; timestamp: number }[] = [];
        while (new Set(appended.map((one) => one.timestamp)).size < 3) {
          appended.push(await log.append(topic, 0, [record('a'), record('b')]));
        }
        for (const time of new Set(appended.map((one) => one.timestamp))) {
          const first = appended.find((one) => one.timestamp >= time);
          expect(await log.offsetForTime(topic, 0, time)).toBe(first?.baseOffset);
        }
        expect(await log.offsetForTime(topic, 0, 0)).toBe(0);
        expect(await log.offsetForTime(topic, 0, Date.now() + 600_000)).toBe(appended.length * 2);
        await log.truncateBefore(topic, 0, 3);
        expect(await log.offsetForTime(topic, 0, 0)).toBe(3);
      });
    });

    describe('the size', () => tellsSizes(() => log, newTopic));

    describe('lives of a topic', () => keepsLivesApart({ log: () => log, newTopic, openTail }));

    describe('the tail', () => {
      test('follows a changing set of partitions under concurrent appends, contiguously', async () => {
        const topic = await newTopic({ partitions: 3 });
        const collector = tailCollector();
        const tail = openTail(collector);
        const count = 60;
        const write = async (partition: number) => {
          for (let i = 0; i < count; i++) {
            await log.append(topic, partition, [record(`${i}a`), record(`${i}b`)]);
            if (i === 20 && partition === 1) tail.remove(topic, 1);
            if (i === 40 && partition === 1) {
              collector.forget(topic, 1);
              tail.add(topic, 1, 7);
            }
            if (i === 30 && partition === 2) tail.add(topic, 2, 0);
          }
        };
        tail.add(topic, 0, 0);
        tail.add(topic, 1, 0);
        await Promise.all([write(0), write(1), write(2)]);
        const all = Array.from({ length: count * 2 }, (_, i) => `${i >> 1}${i % 2 === 0 ? 'a' : 'b'}`);
        await collector.until(() =>
          [0, 1, 2].every((partition) => collector.of(topic, partition).nextOffset === count * 2),
        );
        expect(values(collector.of(topic, 0).records)).toEqual(all);
        expect(values(collector.of(topic, 1).records)).toEqual(all.slice(7));
        expect(values(collector.of(topic, 2).records)).toEqual(all);
        expect(collector.breaks).toEqual([]);
      });

      test('is silent about what was removed, and starts anew when added again', async () => {
        const topic = await newTopic({ partitions: 2 });
        const collector = tailCollector();
        const tail = openTail(collector);
        await log.append(topic, 0, [record('0'), record('1')]);
        tail.add(topic, 0, 1);
        tail.add(topic, 1, 0);
        await collector.until(() => collector.of(topic, 0).nextOffset === 2);
        expect(values(collector.of(topic, 0).records)).toEqual(['1']);
        tail.remove(topic, 0);
        const slices = collector.of(topic, 0).slices;
        await log.append(topic, 0, [record('2')]);
        await log.append(topic, 1, [record('x')]);
        await collector.until(() => collector.of(topic, 1).nextOffset === 1);
        expect(collector.of(topic, 0).slices).toBe(slices);
        collector.forget(topic, 0);
        tail.add(topic, 0, 0);
        await collector.until(() => collector.of(topic, 0).nextOffset === 3);
        expect(values(collector.of(topic, 0).records)).toEqual(['0', '1', '2']);
        expect(collector.of(topic, 0).highWatermark).toBe(3);
      });

      test('stops where the position is expired, ahead, or the topic deleted', async () => {
        const topic = await newTopic({ partitions: 2 });
        for (let i = 0; i < 6; i++) await log.append(topic, 0, [record(`${i}`)]);
        await log.truncateBefore(topic, 0, 4);
        const collector = tailCollector();
        const tail = openTail(collector);
        const why = () => collector.of(topic, 0).stopped;
        tail.add(topic, 0, 2);
        await collector.until(() => why() !== undefined);
        expect(why()).toMatchObject({ outcome: 'expired', earliest: 4, highWatermark: 6 });
        collector.forget(topic, 0);
        tail.add(topic, 0, 9);
        await collector.until(() => why() !== undefined);
        expect(why()).toMatchObject({ outcome: 'ahead', earliest: 4, highWatermark: 6 });
        collector.forget(topic, 0);
        tail.add(topic, 0, 4);
        tail.add(topic, 1, 0);
        await collector.until(() => collector.of(topic, 0).nextOffset === 6);
        await log.deleteTopic(topic);
        await collector.until(() => [0, 1].every((partition) => collector.of(topic, partition).stopped !== undefined));
        expect([0, 1].map((partition) => collector.of(topic, partition).stopped)).toEqual([
          { outcome: 'deleted' },
          { outcome: 'deleted' },
        ]);
      });
    });

    judgesPositions({ log: () => log, newTopic, openTail });

    test('behaves as a simple list does, whatever is done to it', async () => {
      const runs = options.runs ?? 25;
      await behavesAsList(log, await newTopic({ partitions: runs }), runs);
    });
  });
}
