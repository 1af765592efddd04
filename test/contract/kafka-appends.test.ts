import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import type { EventLog } from '../../src/core/ports/event-log.js';
import { kafkaClients, openKafka } from '../../src/drivers/kafka/index.js';
import { whyNoCluster } from '../cluster/cluster.js';
import { type KafkaServer, startKafka } from '../cluster/kafka-server.js';
import { type KafkaProxy, startKafkaProxy, type Verdict } from '../support/kafka-proxy.js';
import { freshTopic, keepAll, readAll, record, textOf } from '../support/log-helpers.js';

const why = whyNoCluster('own', 'kafka');
if (why !== undefined) console.warn(`\n!!! SKIPPED, ${why}\n`);

const produce = 0;
const initProducerId = 22;
const codes = {
  notLeader: 6,
  notEnoughReplicas: 19,
  clusterAuthorizationFailed: 31,
  outOfOrder: 45,
  duplicate: 46,
  invalidEpoch: 47,
  unknownProducer: 59,
};

// An answer to Produce version 7, for one partition: topics, name, partitions, partition, error, …
const errorAt = (answer: Buffer) => 4 + 2 + answer.readInt16BE(4) + 4 + 4;
const errorOf = (answer: Buffer) => answer.readInt16BE(errorAt(answer));
const saying = (code: number): Verdict => ({
  change: (answer) => {
    const changed = Buffer.from(answer);
    changed.writeInt16BE(code, errorAt(answer));
    changed.writeBigInt64BE(-1n, errorAt(answer) + 2);
    return changed;
  },
});
const refusing = (topic: string, code: number): Verdict => {
  const name = Buffer.from(topic);
  const answer = Buffer.alloc(4 + 2 + name.length + 4 + 4 + 2 + 24 + 4);
  answer.writeInt32BE(1, 0);
  answer.writeInt16BE(name.length, 4);
  name.copy(answer, 6);
  answer.writeInt32BE(1, 6 + name.length);
  answer.writeInt16BE(code, errorAt(answer));
  answer.fill(0xff, errorAt(answer) + 2, answer.length - 4);
  return { answer };
};

describe.skipIf(why !== undefined)('kafka: what is sent twice is stored once', { timeout: 60_000 }, () => {
  let server: KafkaServer;
  let proxy: KafkaProxy;
  beforeAll(async () => {
    let target = '';
    proxy = await startKafkaProxy(() => target);
    server = await startKafka({
      advertise: async (address) => {
        target = address;
        return proxy.address;
      },
    });
  }, 180_000);
  afterAll(async () => {
    await server?.dispose();
    await proxy?.close();
  });

  describe.each(kafkaClients)('through %s', (client) => {
    let log: EventLog;
    let topic: string;
    beforeAll(async () => {
      log = await openKafka({ brokers: [proxy.address], client });
    });
    afterAll(() => log?.close());
    afterEach(() => proxy.judge([]));

    /** A topic that holds `before`, with a log whose producer has begun. */
    async function begin(): Promise<void> {
      topic = freshTopic();
      await log.createTopic(topic, keepAll());
      expect((await append('before')).baseOffset).toBe(0);
      proxy.held.length = 0;
    }
    const append = (text: string, patienceMs?: number) =>
      log.append(topic, 0, [record(`${text} 1`, 'k'), record(`${text} 2`, 'k')], undefined, patienceMs);
    const stored = async () => (await readAll(log, topic, 0)).map(textOf);
    const pairs = (...texts: string[]) => texts.flatMap((text) => [`${text} 1`, `${text} 2`]);
    const lateCopies = () => Promise.all(proxy.held.map(async (request) => errorOf(await proxy.deliver(request))));

    test.each<[string, Verdict[]]>([
      ['the connection is lost before the answer', ['lose answer']],
      ['the connection is lost before the answer, again and again', ['lose answer', 'lose answer', 'lose answer']],
      ['the leader appends, and is deposed before it answers', [saying(codes.notLeader)]],
      ['the leader has stored it, and says that it is a duplicate', [saying(codes.duplicate)]],
      [
        'the connection is lost, and a leader without its state says that it is a duplicate',
        ['lose answer', saying(codes.duplicate)],
      ],
    ])('%s', async (_what, verdicts) => {
      await begin();
      proxy.judge(verdicts);
      const { baseOffset, timestamp } = await append('once');
      expect(baseOffset).toBe(2);
      expect(Math.abs(timestamp - Date.now())).toBeLessThan(30_000);
      expect((await append('after')).baseOffset).toBe(4);
      expect(await stored()).toEqual(pairs('before', 'once', 'after'));
    });

    test('a request that arrives after its repetition was stored changes nothing', async () => {
      await begin();
      proxy.judge(['hold']);
      expect((await append('once')).baseOffset).toBe(2);
      // The broker knows it, and says where it is.
      expect(await lateCopies()).toEqual([0]);
      expect((await append('after')).baseOffset).toBe(4);
      // Now it is older than the newest.
      expect(await lateCopies()).toEqual([0]);
      expect(await stored()).toEqual(pairs('before', 'once', 'after'));
    });

    test('after an unknown outcome a late copy is refused as soon as something else was stored', async () => {
      await begin();
      proxy.judge(() => 'hold');
      await expect(append('never', 1000)).rejects.toMatchObject({ reason: 'STORE_OUTCOME_UNKNOWN' });
      expect(proxy.held.length).toBeGreaterThan(1);
      // Each attempt was the same, byte for byte, but for the number by which the connection knows its answer.
      const bytes = new Set(proxy.held.map((request) => request.subarray(12).toString('latin1')));
      expect(bytes.size).toBe(1);
      proxy.judge([]);
      expect((await append('after')).baseOffset).toBe(2);
      expect(await lateCopies()).toEqual(proxy.held.map(() => codes.invalidEpoch));
      expect((await append('and on')).baseOffset).toBe(4);
      expect(await stored()).toEqual(pairs('before', 'after', 'and on'));
    });

    test('an unknown outcome that was stored after all is there once, and before what follows it', async () => {
      await begin();
      proxy.judge(() => 'hold');
      await expect(append('late', 500)).rejects.toMatchObject({ reason: 'STORE_OUTCOME_UNKNOWN' });
      proxy.judge([]);
      expect((await lateCopies()).every((code) => code === 0)).toBe(true);
      expect((await append('after')).baseOffset).toBe(4);
      expect(await stored()).toEqual(pairs('before', 'late', 'after'));
    });

    test.each([
      ['that it has lost what came before', codes.outOfOrder],
      ['that it does not know the producer', codes.unknownProducer],
      ['that the producer is another one', codes.invalidEpoch],
    ])('a broker that says %s gets the batch in a sequence of its own', async (_what, code) => {
      await begin();
      proxy.judge([refusing(topic, code)]);
      expect((await append('once')).baseOffset).toBe(2);
      expect((await append('after')).baseOffset).toBe(4);
      expect(await stored()).toEqual(pairs('before', 'once', 'after'));
    });

    test('a batch that may be stored is not sent with another producer id', async () => {
      await begin();
      proxy.judge(['lose answer', refusing(topic, codes.unknownProducer)]);
      await expect(append('once')).rejects.toMatchObject({ reason: 'STORE_OUTCOME_UNKNOWN' });
      expect((await append('after')).baseOffset).toBe(4);
      expect(await stored()).toEqual(pairs('before', 'once', 'after'));
    });

    test('an end in time: unknown where it may be stored, otherwise certain, and nothing is stored later', async () => {
      await begin();
      proxy.judge(() => 'swallow');
      const began = performance.now();
      await expect(append('silent', 700)).rejects.toMatchObject({ reason: 'STORE_OUTCOME_UNKNOWN' });
      proxy.judge(() => refusing(topic, codes.notEnoughReplicas));
      await expect(append('refused', 700)).rejects.toMatchObject({
        reason: 'LOG_UNAVAILABLE',
        message: expect.stringContaining('NOT_ENOUGH_REPLICAS'),
      });
      expect(performance.now() - began).toBeLessThan(5000);
      proxy.judge([]);
      expect((await append('after')).baseOffset).toBe(2);
      expect(await stored()).toEqual(pairs('before', 'after'));
    });

    test('while publishing is refused the log is impaired, and says why', async () => {
      await begin();
      proxy.judge(() => refusing(topic, codes.notEnoughReplicas));
      await expect(append('refused', 3000)).rejects.toBeInstanceOf(BusError);
      expect(log.status).toMatchObject({
        state: 'impaired',
        detail: expect.stringMatching(`publishing to ${topic}/0 fails: .*NOT_ENOUGH_REPLICAS`),
      });
      expect(await stored()).toEqual(pairs('before'));
      proxy.judge([]);
      await append('after');
      expect(log.status).toMatchObject({ state: 'up', detail: undefined });
    });

    test('appends to one partition at the same time are all stored, each once', async () => {
      await begin();
      proxy.judge((request) => (request % 3 === 1 ? 'lose answer' : 'pass'));
      const texts = Array.from({ length: 10 }, (_, i) => `at once ${i}`);
      await Promise.all(texts.map((text) => append(text)));
      expect(await stored()).toEqual(pairs('before', ...texts));
    });

    test('a cluster that gives no producer id is told about in words', async () => {
      await begin();
      const denied = Buffer.alloc(16);
      denied.writeInt16BE(codes.clusterAuthorizationFailed, 4);
      proxy.judge(() => ({ answer: denied }), initProducerId);
      const other = await openKafka({ brokers: [proxy.address], client });
      await expect(other.append(topic, 0, [record('x')])).rejects.toMatchObject({
        reason: 'LOG_UNAVAILABLE',
        message: expect.stringMatching(/producer id: CLUSTER_AUTHORIZATION_FAILED .*Write.*IdempotentWrite/),
      });
      proxy.judge([], produce);
      expect((await other.append(topic, 0, [record('y')])).baseOffset).toBe(2);
      await other.close();
    });
  });
});
