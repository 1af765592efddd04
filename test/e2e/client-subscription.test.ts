import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMainstemClient as createFetchClient } from '../../src/client/browser.js';
import {
  createMainstemClient,
  type MainstemClient,
  type Subscription,
  type SubscriptionStatus,
} from '../../src/client/index.js';
import { steadyPort } from '../support/ports.js';
import { startServer, type TestServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

let data: Awaited<ReturnType<typeof temporaryDirectory>>;
let server: TestServer;
let client: MainstemClient;

async function start(port: string): Promise<void> {
  server = await startServer({ args: ['--log', `embedded:${data.path}`, '--port', port] });
}

beforeAll(async () => {
  data = await temporaryDirectory();
  await start(`${await steadyPort()}`);
  client = createMainstemClient({ address: server.address });
});

afterAll(async () => {
  client.close();
  await server.kill();
  await data.remove();
});

/** A topic with events numbered from 0, in so many batches of so many. */
async function topicWith(name: string, batches: number, perBatch: number, partitions = 2): Promise<string> {
  await client.topics.create({ topic: name, settings: { schemaless: true, partitions } });
  await publish(name, 0, batches * perBatch, perBatch);
  return name;
}

async function publish(topic: string, from: number, to: number, perBatch = 1): Promise<void> {
  for (let first = from; first < to; first += perBatch) {
    const events = Array.from({ length: perBatch }, (_, i) => ({ data: { n: first + i }, key: `${(first + i) % 4}` }));
    await client.publish({ topic, events });
  }
}

const numberIn = (value: unknown) =>
  typeof value === 'object' && value !== null && 'n' in value ? Number(value.n) : Number.NaN;

/** The numbers that are left for the next stream of a subscriber. */
async function left(topic: string, subscriber: string): Promise<number[]> {
  const numbers: number[] = [];
  for await (const event of client.subscribe({ topic, subscriber, follow: false })) numbers.push(numberIn(event.data));
  return numbers.sort((a, b) => a - b);
}

/** Reads the status until one of this kind has come. */
async function until<K extends SubscriptionStatus['kind']>(statuses: AsyncIterator<SubscriptionStatus>, kind: K) {
  for (;;) {
    const { value, done } = await statuses.next();
    if (done) throw new Error(`the status ended without ${kind}`);
    if (value.kind === kind) return value;
  }
}

/** An address at which nobody listens. */
const deadAddress = async () => `http://127.0.0.1:${await steadyPort()}`;

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

test('what is processed is committed: the next subscription goes on after it', async () => {
  const topic = await topicWith('processed', 10, 1);
  const seen: number[] = [];
  for await (const event of client.subscribe({ topic, subscriber: 'mart', follow: false })) {
    seen.push(numberIn(event.data));
    expect(event).toMatchObject({ topic, kind: 'json', keyText: `${numberIn(event.data) % 4}` });
    expect(Buffer.from(event.bytes).toString()).toBe(`{"n":${numberIn(event.data)}}`);
  }
  expect(seen.sort((a, b) => a - b)).toEqual(range(0, 10));
  expect(await left(topic, 'mart')).toEqual([]);
});

/** How a body leaves its loop after the second event. */
const leaving: Record<string, (subscription: Subscription) => Promise<'break' | 'throw'>> = {
  break: async () => 'break',
  throw: async () => 'throw',
  'break after a commit': async (subscription) => {
    await subscription.commit();
    return 'break';
  },
};

test.each([
  [
    'break',
    [
      [0, 1],
      [1, 2],
      [2, 3],
    ],
    [3, 4, 5],
  ],
  [
    'throw',
    [
      [0, 1],
      [1, 2],
      [2, 3],
    ],
    [3, 4, 5],
  ],
  [
    'break after a commit',
    [
      [0, 1],
      [2, 3],
      [4, 5],
    ],
    [],
  ],
])('%s in the middle of a batch: what was processed does not come again', async (name, runs, rest) => {
  const topic = await topicWith(`left-${name.replaceAll(' ', '-')}`, 1, 6, 1);
  for (const wanted of runs) {
    const subscription = client.subscribe({ topic, subscriber: 'mart' });
    const seen: number[] = [];
    const loop = async () => {
      for await (const event of subscription) {
        seen.push(numberIn(event.data));
        if (seen.length < 2) continue;
        if ((await leaving[name]?.(subscription)) === 'throw') throw new RangeError('the store is full');
        break;
      }
    };
    if (name === 'throw') await expect(loop()).rejects.toThrow('the store is full');
    else await loop();
    expect(seen).toEqual(wanted);
  }
  expect(await left(topic, 'mart')).toEqual(rest);
});

test('commit in the loop counts the event in hand, durably, before the loop goes on', async () => {
  const topic = await topicWith('in-hand', 1, 4, 1);
  const subscription = client.subscribe({ topic, subscriber: 'mart' }, { autoCommit: false });
  for await (const event of subscription) {
    await subscription.commit();
    const { positions } = await client.subscribers.get('mart');
    const found = positions.find((position) => position.topic === topic);
    expect(found?.nextOffset).toBe(event.offset + 1n);
    if (event.offset === 2n) break;
  }
  expect(await left(topic, 'mart')).toEqual([3]);
});

test('a named event is committed with all before it in its partition, and batches are whole', async () => {
  const topic = await topicWith('named', 1, 8, 1);
  const manual = { autoCommit: false };
  // Without the pace of a commit timeout, which begins with a batch of one event.
  const first = client.subscribe({ topic, subscriber: 'mart', commitTimeoutMs: 0 }, manual);
  for await (const batch of first.batches()) {
    const third = batch.events[2];
    expect(third?.next).toEqual({ topic, incarnation: batch.incarnation, partition: 0, nextOffset: 3n });
    await first.commit(third);
    break;
  }
  const second = client.subscribe({ topic, subscriber: 'mart', commitTimeoutMs: 0 }, manual);
  for await (const { events } of second.batches()) {
    expect(events.map(({ offset }) => offset)).toEqual([3n, 4n, 5n, 6n, 7n]);
    break;
  }
  const third = client.subscribe({ topic, subscriber: 'mart', commitTimeoutMs: 0 }, manual);
  for await (const batch of third.batches()) {
    expect(batch.events).toHaveLength(5);
    await third.commit();
    break;
  }
  expect(await left(topic, 'mart')).toEqual([]);
});

test('a batch that takes long is committed while it is being processed', async () => {
  const topic = await topicWith('long', 1, 4, 1);
  const subscription = client.subscribe({ topic, subscriber: 'mart' });
  const positions = async () => {
    const found = (await client.subscribers.get('mart')).positions.find((position) => position.topic === topic);
    return found?.nextOffset ?? 0n;
  };
  for await (const event of subscription) {
    if (event.offset < 3n) {
      await sleep(600);
      continue;
    }
    while ((await positions()) < 3n) await sleep(20);
    break;
  }
  expect(await left(topic, 'mart')).toEqual([3]);
});

test('stop hands out the rest of the batch, and what it handed out is committed', async () => {
  const topic = await topicWith('stopped', 1, 8);
  const subscription = client.subscribe({ topic, subscriber: 'mart', commitTimeoutMs: 0 });
  const seen: number[] = [];
  let stopped: Promise<void> | undefined;
  for await (const event of subscription) {
    seen.push(numberIn(event.data));
    stopped ??= subscription.stop();
  }
  await stopped;
  const rest = await left(topic, 'mart');
  expect([...seen, ...rest].sort((a, b) => a - b)).toEqual(range(0, 8));
  expect(seen.length).toBeGreaterThan(1);
});

test('stop ends a subscription that waits for events, and one that has not begun', async () => {
  const topic = await topicWith('idle', 1, 1);
  const waiting = client.subscribe({ topic, subscriber: 'mart' });
  const loop = (async () => {
    for await (const event of waiting) void event;
  })();
  await until(waiting.status(), 'committed');
  await waiting.stop();
  await loop;
  await client.subscribe({ topic }).stop();
});

test('manual commits: nothing is committed unless the caller says so', async () => {
  const topic = await topicWith('manual', 3, 1);
  const read = async (work: (subscription: Subscription, cursor: string) => Promise<void>) => {
    const subscription = client.subscribe({ topic, subscriber: 'mart', follow: false }, { autoCommit: false });
    for await (const { cursor } of subscription.batches()) await work(subscription, cursor);
  };
  await read(async () => undefined);
  expect((await left(topic, 'other')).length).toBe(3);
  await read((subscription, cursor) => subscription.commit(cursor));
  expect(await left(topic, 'mart')).toEqual([]);
});

test('the server is killed and comes back: the loop goes on, and nothing is missing', async () => {
  const topic = await topicWith('killed', 5, 2);
  const { port } = new URL(server.address);
  const subscription = client.subscribe({ topic, subscriber: 'mart' }, { firstMs: 50, longestMs: 200 });
  const statuses = subscription.status();
  const seen = new Set<number>();
  let wake: () => void = () => undefined;
  const loop = (async () => {
    for await (const event of subscription) {
      seen.add(numberIn(event.data));
      wake();
    }
  })();
  const reach = async (count: number) => {
    while (seen.size < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  await reach(10);
  await server.kill();
  expect(await until(statuses, 'disconnected')).toMatchObject({ error: { retryable: true } });
  await start(port);
  await until(statuses, 'connected');
  await publish(topic, 10, 20);
  await reach(20);
  await subscription.stop();
  await loop;
  expect([...seen].sort((a, b) => a - b)).toEqual(range(0, 20));
  expect(await left(topic, 'mart')).toEqual([]);
});

test('what trying again does not cure is thrown; a server that is not there, once it has been tried for long enough', async () => {
  const first = (subscription: Subscription) => subscription[Symbol.asyncIterator]().next();
  await expect(first(client.subscribe({ topic: 'no-such-topic' }))).rejects.toMatchObject({
    reason: 'TOPIC_NOT_FOUND',
  });
  const nobody = createMainstemClient({ address: await deadAddress() });
  await expect(first(nobody.subscribe({ topic: 'x' }, { connectTimeoutMs: 0 }))).rejects.toMatchObject({
    reason: 'UNREACHABLE',
  });
  nobody.close();
});

test.each([
  ['HTTP/2', createMainstemClient],
  ['fetch', createFetchClient],
])('closing the client ends its subscriptions and refuses later calls: %s', async (name, create) => {
  const topic = await topicWith(`closed-${name.replace('/', '')}`, 1, 1);
  const closing = create({ address: server.address });
  const subscription = closing.subscribe({ topic });
  const connected = until(subscription.status(), 'connected');
  const next = subscription[Symbol.asyncIterator]().next();
  const failing = expect(next).rejects.toMatchObject({ reason: 'CLIENT_CLOSED', retryable: false });
  await connected;
  closing.close();
  await failing;
  await expect(closing.topics.list()).rejects.toMatchObject({ reason: 'CLIENT_CLOSED' });
});

test('a subscription is iterated once; only one with a subscriber commits', async () => {
  const topic = await topicWith('once', 1, 1);
  const subscription = client.subscribe({ topic, from: 'earliest', limit: 1 });
  for await (const event of subscription) expect(numberIn(event.data)).toBe(0);
  await expect(subscription[Symbol.asyncIterator]().next()).rejects.toThrow('iterated once');
  await expect(subscription.commit()).rejects.toThrow('only a subscription with a subscriber');
});

describe('over fetch, as in a browser', () => {
  test('publishes, subscribes, commits, and gets typed errors', async () => {
    const browser = createFetchClient({ address: server.address });
    expect(browser).not.toHaveProperty('publishBatches');
    const topic = await topicWith('fetched', 2, 3);
    await browser.publish({ topic, events: [{ data: { n: 6 } }] });
    const subscription = browser.subscribe({ topic, subscriber: 'page' });
    const seen: number[] = [];
    for await (const event of subscription) {
      seen.push(numberIn(event.data));
      if (seen.length === 7) void subscription.stop();
    }
    expect(seen.sort((a, b) => a - b)).toEqual(range(0, 7));
    expect(await left(topic, 'page')).toEqual([]);
    await expect(browser.topics.get('no-such-topic')).rejects.toMatchObject({ reason: 'TOPIC_NOT_FOUND' });
    browser.close();
    const nobody = createFetchClient({ address: await deadAddress() });
    await expect(nobody.topics.list()).rejects.toMatchObject({ reason: 'UNREACHABLE', retryable: true });
  });
});
