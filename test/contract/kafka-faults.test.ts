import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import type { EventLog } from '../../src/core/ports/event-log.js';
import { openKafka } from '../../src/drivers/kafka/index.js';
import { whyNoCluster } from '../cluster/cluster.js';
import { type KafkaServer, startKafka } from '../cluster/kafka-server.js';
import { freshTopic, keepAll, readAll, record, textOf } from '../support/log-helpers.js';
import { tailCollector } from '../support/tail-collector.js';
import { until } from '../support/wait.js';

const why = whyNoCluster('own', 'kafka');
if (why !== undefined) console.warn(`\n!!! SKIPPED, ${why}\n`);

describe.skipIf(why !== undefined)('kafka: a broker in trouble', { timeout: 180_000 }, () => {
  let server: KafkaServer;
  let log: EventLog;

  beforeAll(async () => {
    server = await startKafka();
    log = openKafka({ brokers: server.brokers });
  });
  afterAll(async () => {
    await log?.close();
    await server?.dispose();
  });

  const reasonOf = (error: unknown) => (error instanceof BusError ? error.reason : String(error));

  test('kill -9 under appends: what was acknowledged is there, and the tail goes on without gap or duplicate', async () => {
    const partitions = 3;
    const topic = freshTopic();
    await log.createTopic(topic, keepAll({ partitions }));
    const states: string[] = [];
    const stopListening = log.status.onChange(({ state }) => states.push(state));
    const collector = tailCollector();
    const tail = log.openTail(collector.sink);
    const acknowledged = Array.from({ length: partitions }, () => new Map<number, string>());
    const failures = new Set<string>();
    const stop = new AbortController();

    const write = async (partition: number) => {
      for (let i = 0; !stop.signal.aborted; i++) {
        const texts = [0, 1, 2].map((k) => `${partition}:${i}:${k}`);
        try {
          const { baseOffset } = await log.append(
            topic,
            partition,
            texts.map((text) => record(text)),
          );
          texts.forEach((text, k) => void acknowledged[partition]?.set(baseOffset + k, text));
        } catch (error) {
          failures.add(reasonOf(error));
        }
      }
    };
    const enough = (count: number) => acknowledged.every((one) => one.size >= count);
    for (let partition = 0; partition < partitions; partition++) tail.add(topic, partition, 0);
    const writers = acknowledged.map((_, partition) => write(partition));
    for (const round of [1, 2]) {
      const before = Math.max(...acknowledged.map((one) => one.size));
      await until(() => enough(before + 150), { what: `appends, round ${round}` });
      await server.kill();
      await until(() => log.status.state === 'down', { what: 'the status to be down' });
      await server.start();
    }
    const before = Math.max(...acknowledged.map((one) => one.size));
    await until(() => enough(before + 150), { what: 'appends after the restarts', timeoutMs: 60_000 });
    stop.abort();
    await Promise.all(writers);

    expect(
      [...failures].filter((reason) => reason !== 'STORE_OUTCOME_UNKNOWN' && reason !== 'LOG_UNAVAILABLE'),
    ).toEqual([]);
    for (let partition = 0; partition < partitions; partition++) {
      const { highWatermark } = await log.bounds(topic, partition);
      await collector.until(() => collector.of(topic, partition).nextOffset === highWatermark);
      const read = new Map((await readAll(log, topic, partition)).map((one) => [one.offset, textOf(one)]));
      const tailed = collector.of(topic, partition).records;
      expect(tailed.map((one) => one.offset)).toEqual(Array.from({ length: highWatermark }, (_, i) => i));
      for (const [offset, text] of acknowledged[partition] ?? []) expect(read.get(offset)).toBe(text);
      for (const one of tailed) expect(textOf(one)).toBe(read.get(one.offset));
    }
    expect(collector.breaks).toEqual([]);
    expect(states).toEqual(['down', 'up', 'down', 'up']);
    stopListening();
    await tail.close();
  });

  test('a frozen broker leaves the outcome unknown, one that is gone does not; both within a bounded time', async () => {
    const topic = freshTopic();
    await log.createTopic(topic, keepAll());
    await log.append(topic, 0, [record('before')]);
    const failing = async (call: Promise<unknown>) => {
      const started = Date.now();
      const reason = await call.then(() => 'OK', reasonOf);
      expect(Date.now() - started).toBeLessThan(15_000);
      return reason;
    };
    await server.pause();
    expect(await failing(log.append(topic, 0, [record('frozen')]))).toBe('STORE_OUTCOME_UNKNOWN');
    expect(await failing(log.append(topic, 0, [record('still frozen')]))).toBe('LOG_UNAVAILABLE');
    server.resume();
    await until(() => log.append(topic, 0, [record('after')]).then(() => true), { what: 'the broker to go on' });
    await server.kill();
    expect(await failing(log.append(topic, 0, [record('gone')]))).toBe('LOG_UNAVAILABLE');
    expect(await failing(log.read(topic, 0, 0, 1000))).toBe('LOG_UNAVAILABLE');
    expect(await failing(log.describeTopic(topic))).toBe('LOG_UNAVAILABLE');
    const stop = new AbortController();
    const reading = log.read(topic, 0, 0, 1000, stop.signal);
    stop.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await server.start();
    const texts = await until(() => readAll(log, topic, 0), { what: 'reads after the restart' });
    const stored = texts.map(textOf);
    expect(stored).toContain('before');
    expect(stored).toContain('after');
    expect(stored).not.toContain('still frozen');
    expect(stored).not.toContain('gone');
  });

  test('a log opened while the broker is away connects when it comes, and closes while it is away', async () => {
    await server.stop();
    const late = openKafka({ brokers: server.brokers });
    expect(late.status.state).toBe('connecting');
    await expect(late.listTopics()).rejects.toMatchObject({ reason: 'LOG_UNAVAILABLE' });
    const never = openKafka({ brokers: server.brokers });
    const tail = never.openTail(tailCollector().sink);
    tail.add('nowhere', 0, 0);
    await never.close();
    await server.start();
    await until(() => late.status.state === 'up', { what: 'the status to be up' });
    await late.close();
    // Nothing of it is left that would keep a process alive: see the child below.
    const { spawn } = await import('node:child_process');
    const script = `
      const { openKafka } = await import('./src/drivers/kafka/index.ts');
      const log = openKafka({ brokers: ${JSON.stringify(server.brokers)} });
      await log.listTopics();
      await log.close();`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script];
    const child = spawn(process.execPath, args, { stdio: 'inherit', timeout: 30_000 });
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
  });
});
