import { afterEach, describe, expect, test, vi } from 'vitest';
import { loadClient } from '../../src/drivers/kafka/clients.js';
import { kafkaClients } from '../../src/drivers/kafka/index.js';
import { createKafkaClient } from '../../src/drivers/kafka/kafka-client.js';
import { type KafkaLink, LinkFailure } from '../../src/drivers/kafka/kafka-link.js';
import { answerTo, type FakeBroker, startFakeBroker } from '../support/fake-broker.js';

const request = { apiKey: 3, apiVersion: 6, name: 'Metadata', body: Buffer.from('question') };

// What each library has to do for the driver, where no real broker can be made to misbehave like this. An error that escapes fails the run.
describe.each(kafkaClients)('a link over %s', (name) => {
  let broker: FakeBroker | undefined;
  let link: KafkaLink | undefined;

  async function open(options: { readonly silent?: boolean; readonly connectTimeoutMs?: number } = {}) {
    broker = await startFakeBroker(options);
    const connect = await loadClient(name);
    const { connectTimeoutMs = 10_000 } = options;
    link = await connect('127.0.0.1', broker.port, { clientId: 'test', connectTimeoutMs });
    return { broker, link };
  }
  const failureOf = (exchange: Promise<unknown>) =>
    exchange.then(
      () => undefined,
      (error: unknown) => (error instanceof LinkFailure ? { sent: error.sent, message: error.message } : error),
    );

  afterEach(async () => {
    vi.useRealTimers();
    link?.destroy(new Error('the test is over'));
    await broker?.close();
    link = broker = undefined;
  });

  test('knows what the broker supports', async () => {
    const opened = await open();
    expect([0, 12, 13].map((version) => opened.link.supports(3, version))).toEqual([true, true, false]);
    expect(opened.link.supports(0, 0)).toBe(false);
  });

  test('puts answers together, however they arrive', async () => {
    const { broker, link } = await open();
    const answers = [link.exchange(request), link.exchange(request)];
    const [first, second] = [await broker.next(), await broker.next()];
    const large = Buffer.alloc(300_000, 'x');
    const bytes = Buffer.concat([
      answerTo(first.correlationId, large),
      answerTo(second.correlationId, Buffer.from('two')),
    ]);
    const { socket } = first;
    for (const [start, end] of [
      [0, 3],
      [3, 5],
      [5, 9],
      [9, 100_000],
      [100_000, bytes.length - 12],
      [bytes.length - 12, bytes.length],
    ] as const) {
      await new Promise((resolve) => socket.write(bytes.subarray(start, end), resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await answers[0])?.equals(large)).toBe(true);
    expect((await answers[1])?.toString()).toBe('two');
    expect(link.isOpen()).toBe(true);
  });

  test.each<[string, (broker: FakeBroker, link: KafkaLink) => Promise<void>]>([
    ['the broker closes', async (broker) => void (await broker.next()).socket.end()],
    ['the broker resets', async (broker) => void (await broker.next()).socket.resetAndDestroy()],
    [
      'an answer is cut off',
      async (broker) => {
        const { socket, correlationId } = await broker.next();
        socket.end(answerTo(correlationId, Buffer.alloc(1000)).subarray(0, 500));
      },
    ],
    [
      'it is given up',
      async (broker, link) => {
        await broker.next();
        link.destroy(new Error('given up'));
      },
    ],
  ])('when %s, what is under way has been sent, and what comes later has not', async (_what, happen) => {
    const { broker, link } = await open();
    const underWay = [failureOf(link.exchange(request)), failureOf(link.exchange(request))];
    await happen(broker, link);
    for (const failure of await Promise.all(underWay)) {
      expect(failure).toMatchObject({ sent: true, message: expect.stringMatching(/^Metadata got no answer: .+/) });
    }
    expect(link.isOpen()).toBe(false);
    expect(await failureOf(link.exchange(request))).toMatchObject({ sent: false });
  });

  test('given up, it is not open from that moment on', async () => {
    const { link } = await open();
    const underWay = failureOf(link.exchange(request));
    link.destroy(new Error('enough'));
    expect(link.isOpen()).toBe(false);
    expect(await failureOf(link.exchange(request))).toMatchObject({ sent: false });
    expect(await underWay).toMatchObject({ sent: true, message: 'Metadata got no answer: enough' });
  });

  test('an answer that nobody waits for is never taken for another', async () => {
    const { broker, link } = await open();
    const exchange = link.exchange(request).then(
      (answer) => answer.toString(),
      () => 'failed',
    );
    const { socket, correlationId } = await broker.next();
    socket.write(answerTo(correlationId + 1000, Buffer.from('stray')));
    socket.write(answerTo(correlationId, Buffer.from('right')));
    expect(['right', 'failed']).toContain(await exchange);
  });

  test('connecting fails within its time when nobody shakes hands, or nobody is there', async () => {
    const began = performance.now();
    const silent = await failureOf(open({ silent: true, connectTimeoutMs: 300 }));
    expect(silent).toMatchObject({ sent: false, message: expect.stringContaining('cannot connect to 127.0.0.1:') });
    await broker?.close();
    const connect = await loadClient(name);
    const gone = connect('127.0.0.1', broker?.port ?? 1, { clientId: 'test', connectTimeoutMs: 10_000 });
    expect(await failureOf(gone)).toMatchObject({ sent: false, message: expect.stringContaining('ECONNREFUSED') });
    expect(performance.now() - began).toBeLessThan(9_000);
  });

  test('a request is given up in time, whatever becomes of the clock of the machine', async () => {
    broker = await startFakeBroker();
    const brokers = [`127.0.0.1:${broker.port}`];
    const client = createKafkaClient({ brokers, clientId: 'test' }, await loadClient(name));
    const ask = (ms: number) => failureOf(client.ask('any', 'control', { ...request, decode: String }, ms));
    const first = ask(400);
    await broker.next();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 });
    expect(await first).toMatchObject({ sent: true, message: 'Metadata got no answer: nothing within 400 ms' });
    // Longer: this one is to be answered in time, on a busy machine too.
    const second = ask(20_000);
    const { socket, correlationId } = await broker.next();
    vi.setSystemTime(Date.now() + 7_200_000);
    // In the meantime a timer of the library would have looked at it.
    await new Promise((resolve) => setTimeout(resolve, 150));
    socket.write(answerTo(correlationId, Buffer.from('in time')));
    expect(await second).toBeUndefined();
    client.close();
  });
});
