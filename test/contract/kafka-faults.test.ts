import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import type { EventLog } from '../../src/core/ports/event-log.js';
import { kafkaClients, openKafka } from '../../src/drivers/kafka/index.js';
import { whyNoCluster } from '../cluster/cluster.js';
import { type KafkaServer, startKafka } from '../cluster/kafka-server.js';
import { freshTopic, keepAll, readAll, record, textOf } from '../support/log-helpers.js';
import { tailCollector } from '../support/tail-collector.js';
import { until } from '../support/wait.js';

const why = whyNoCluster('own', 'kafka');
if (why !== undefined) console.warn(`\n!!! SKIPPED, ${why}\n`);

const reasonOf = (error: unknown) => (error instanceof BusError ? error.reason : String(error));

// What happens to the broker happens to all clients at once: restarts take their time.
describe.skipIf(why !== undefined)(
  `kafka through ${kafkaClients.join(' and ')}: a broker in trouble`,
  {
    timeout: 180_000,
  },
  () => {
    let server: KafkaServer;
    let logs: EventLog[] = [];
    const withEach = <T>(run: (log: EventLog) => Promise<T>): Promise<T[]> => Promise.all(logs.map(run));
    const ofEach = <T>(value: T): T[] => kafkaClients.map(() => value);

    beforeAll(async () => {
      server = await startKafka();
      logs = await Promise.all(kafkaClients.map((client) => openKafka({ brokers: server.brokers, client })));
    });
    afterAll(async () => {
      await withEach((log) => log.close());
      await server?.dispose();
    });

    test('kill -9 under appends: what was acknowledged is there, and the tail goes on without gap or duplicate', async () => {
      const runs = await withEach(appendAndTail);
      for (const round of [1, 2]) {
        await Promise.all(runs.map((run) => run.more(`appends, round ${round}`)));
        await server.kill();
        await withEach((log) => until(() => log.status.state === 'down', { what: 'the status to be down' }));
        await server.start();
      }
      await Promise.all(runs.map((run) => run.more('appends after the restarts')));
      await Promise.all(runs.map((run) => run.check()));
    });

    test('a frozen broker leaves the outcome unknown, one that is gone does not; both within a bounded time', async () => {
      const topics = new Map<EventLog, string>();
      const topicOf = (log: EventLog) => topics.get(log) ?? '';
      const append = (log: EventLog, text: string) => log.append(topicOf(log), 0, [record(text)], undefined, 6_000);
      await withEach(async (log) => {
        topics.set(log, freshTopic());
        await log.createTopic(topicOf(log), keepAll());
        await append(log, 'before');
      });
      const failing = (call: (log: EventLog) => Promise<unknown>) =>
        withEach(async (log) => {
          const started = Date.now();
          const reason = await call(log).then(() => 'OK', reasonOf);
          expect(Date.now() - started).toBeLessThan(15_000);
          return reason;
        });
      await server.pause();
      expect(await failing((log) => append(log, 'frozen'))).toEqual(ofEach('STORE_OUTCOME_UNKNOWN'));
      expect(await failing((log) => append(log, 'still frozen'))).toEqual(ofEach('LOG_UNAVAILABLE'));
      server.resume();
      await withEach((log) => until(() => append(log, 'after').then(() => true), { what: 'the broker to go on' }));
      await server.kill();
      expect(await failing((log) => append(log, 'gone'))).toEqual(ofEach('LOG_UNAVAILABLE'));
      expect(await failing((log) => log.read(topicOf(log), 0, 0, 1000))).toEqual(ofEach('LOG_UNAVAILABLE'));
      expect(await failing((log) => log.describeTopic(topicOf(log)))).toEqual(ofEach('LOG_UNAVAILABLE'));
      await withEach(async (log) => {
        const stop = new AbortController();
        const reading = log.read(topicOf(log), 0, 0, 1000, stop.signal);
        stop.abort(new Error('enough'));
        await expect(reading).rejects.toThrow('enough');
      });
      await server.start();
      await withEach(async (log) => {
        const records = await until(() => readAll(log, topicOf(log), 0), { what: 'reads after the restart' });
        const stored = records.map(textOf);
        expect(stored).toContain('before');
        expect(stored).toContain('after');
        expect(stored).not.toContain('still frozen');
        expect(stored).not.toContain('gone');
      });
    });

    test('a log opened while the broker is away connects when it comes, and closes while it is away', async () => {
      await server.stop();
      const opened = await Promise.all(
        kafkaClients.map(async (client) => {
          const late = await openKafka({ brokers: server.brokers, client });
          expect(late.status.state).toBe('connecting');
          await expect(late.listTopics()).rejects.toMatchObject({ reason: 'LOG_UNAVAILABLE' });
          const never = await openKafka({ brokers: server.brokers, client });
          const tail = never.openTail(tailCollector().sink);
          tail.add('nowhere', 0, 0);
          await never.close();
          return late;
        }),
      );
      await server.start();
      await Promise.all(
        opened.map(async (late) => {
          await until(() => late.status.state === 'up', { what: 'the status to be up' });
          await late.close();
        }),
      );
      // Nothing of it is left that would keep a process alive.
      const { spawn } = await import('node:child_process');
      for (const client of kafkaClients) {
        const script = `
      const { openKafka } = await import('./src/drivers/kafka/index.ts');
      const log = await openKafka(${JSON.stringify({ brokers: server.brokers, client })});
      await log.listTopics();
      await log.close();`;
        const args = ['--import', 'tsx', '--input-type=module', '-e', script];
        const child = spawn(process.execPath, args, { stdio: 'inherit', timeout: 30_000 });
        const [code] = await once(child, 'exit');
        expect(code).toBe(0);
      }
    });
  },
);

/** Appends to three partitions without end and follows them, until everything is checked. */
async function appendAndTail(log: EventLog) {
  const topic = freshTopic();
  const acknowledged = [0, 1, 2].map(() => new Map<number, string>());
  await log.createTopic(topic, keepAll({ partitions: acknowledged.length }));
  const states: string[] = [];
  const stopListening = log.status.onChange(({ state }) => states.push(state));
  const collector = tailCollector();
  const tail = log.openTail(collector.sink);
  const failures = new Set<string>();
  const stop = new AbortController();
  onTestFinished(() => stop.abort());

  const write = async (stored: Map<number, string>, partition: number) => {
    for (let i = 0; !stop.signal.aborted; i++) {
      const texts = [0, 1, 2].map((k) => `${partition}:${i}:${k}`);
      const batch = texts.map((text) => record(text));
      try {
        const { baseOffset } = await log.append(topic, partition, batch);
        texts.forEach((text, k) => void stored.set(baseOffset + k, text));
      } catch (error) {
        failures.add(reasonOf(error));
      }
    }
  };
  for (const partition of acknowledged.keys()) tail.add(topic, partition, 0);
  const writers = acknowledged.map(write);

  return {
    /** Until 150 more have been acknowledged in each partition. */
    more: async (what: string) => {
      const enough = Math.max(...acknowledged.map((one) => one.size)) + 150;
      await until(() => acknowledged.every((one) => one.size >= enough), { what, timeoutMs: 60_000 });
    },
    check: async () => {
      stop.abort();
      await Promise.all(writers);
      const unexpected = new Set(failures);
      for (const reason of ['STORE_OUTCOME_UNKNOWN', 'LOG_UNAVAILABLE']) unexpected.delete(reason);
      expect([...unexpected]).toEqual([]);
      for (const [partition, stored] of acknowledged.entries()) {
        const { highWatermark } = await log.bounds(topic, partition);
        await collector.until(() => collector.of(topic, partition).nextOffset === highWatermark);
        const read = new Map((await readAll(log, topic, partition)).map((one) => [one.offset, textOf(one)]));
        const tailed = collector.of(topic, partition).records;
        expect(tailed.map((one) => one.offset)).toEqual(Array.from({ length: highWatermark }, (_, i) => i));
        for (const [offset, text] of stored) expect(read.get(offset)).toBe(text);
        for (const one of tailed) expect(textOf(one)).toBe(read.get(one.offset));
      }
      expect(collector.breaks).toEqual([]);
      expect(states).toEqual(['down', 'up', 'down', 'up']);
      stopListening();
      await tail.close();
    },
  };
}
