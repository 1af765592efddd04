import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createMainstemClient, type MainstemClient, PublishStatus } from '../../src/client/index.js';
import { driverPairs } from '../support/pairs.js';
import { startServer } from '../support/server.js';

const pairs = await driverPairs();

/** A server, and a client of it. */
async function serve(args: readonly string[], protocol: 'connect' | 'grpc' = 'grpc') {
  const server = await startServer({ args });
  const client = createMainstemClient({ address: server.address, protocol });
  return {
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      await server.kill();
    },
  };
}

async function newTopic(client: MainstemClient): Promise<string> {
  const topic = `dedupe-${randomUUID()}`;
  await client.topics.create({ topic, settings: { schemaless: true, partitions: 3 } });
  return topic;
}

const event = (n: number, id?: string) => ({ data: { n }, ...(id === undefined ? {} : { id, source: '/e2e' }) });

/** Where the first record of each number is. */
async function firsts(client: MainstemClient, topic: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { data, partition, offset } of client.subscribe({ topic, from: 'earliest', follow: false })) {
    const number = JSON.stringify(data);
    if (!found.has(number)) found.set(number, `${partition}@${offset}`);
  }
  return found;
}

describe.each(pairs)('on $name', ({ name, place }) => {
  test('a retry is answered with the first position, across protocols and a kill -9', { timeout: 60_000 }, async () => {
    const { args } = await place();
    let topic: string;
    let first: Awaited<ReturnType<MainstemClient['publish']>>;
    let batch: typeof first;
    {
      await using grpc = await serve(args);
      topic = await newTopic(grpc.client);
      first = await grpc.client.publish({ topic, events: [event(1, 'a'), event(2, 'b')] });
      batch = await grpc.client.publish({ topic, events: [event(3), event(4)], idempotencyKey: 'batch' });
      expect(first.some(({ duplicate }) => duplicate)).toBe(false);
    }
    await using again = await serve(args, 'connect');
    const { client } = again;
    const places = (results: typeof first) => results.map(({ partition, offset }) => ({ partition, offset }));
    const retried = await client.publish({ topic, events: [event(1, 'a'), event(2, 'b')] });
    expect(retried.map(({ duplicate }) => duplicate)).toEqual([true, true]);
    expect(places(retried)).toEqual(places(first));
    const key = { topic, events: [event(3), event(4)], idempotencyKey: 'batch' };
    expect(places(await client.publish(key))).toEqual(places(batch));
    await expect(client.publish({ topic, events: [event(9, 'new'), event(5, 'a')] })).rejects.toMatchObject({
      reason: 'EVENT_ID_REUSED',
      code: 'already_exists',
    });
    expect([...(await firsts(client, topic)).keys()].sort()).toEqual([1, 2, 3, 4].map((n) => `{"n":${n}}`));
    async function* batches() {
      yield { topic, events: [event(3), event(4)], idempotencyKey: 'batch' };
      yield { events: [event(6, 'a'), event(7, 'c')], mode: 'independent' as const };
    }
    const statuses: [boolean, PublishStatus][][] = [];
    for await (const { results } of client.publishBatches(batches())) {
      statuses.push(results.map(({ duplicate, status }) => [duplicate, status]));
    }
    expect(statuses).toEqual([
      [
        [true, PublishStatus.STORED],
        [true, PublishStatus.STORED],
      ],
      [
        [false, PublishStatus.REJECTED],
        [false, PublishStatus.STORED],
      ],
    ]);
  });

  test.skipIf(name === 'embedded')('two instances agree on the first one', { timeout: 60_000 }, async () => {
    const { args } = await place();
    await using one = await serve(args);
    await using two = await serve(args);
    const topic = await newTopic(one.client);
    const answers = new Map<string, Set<string>>();
    const send = async (client: MainstemClient, n: number) => {
      const [result] = await client.publish({ topic, events: [event(n, `id ${n}`)] });
      const all = answers.get(`{"n":${n}}`) ?? new Set();
      answers.set(`{"n":${n}}`, all.add(`${result?.partition}@${result?.offset}`));
      return result?.duplicate;
    };
    for (let n = 0; n < 10; n++) {
      expect(await send(one.client, n)).toBe(false);
      expect(await send(two.client, n)).toBe(true);
    }
    for (let n = 10; n < 60; n++) {
      const duplicates = await Promise.all([send(one.client, n), send(two.client, n), send(one.client, n)]);
      expect(duplicates.filter((duplicate) => !duplicate)).toHaveLength(1);
    }
    expect([...(await firsts(one.client, topic))]).toEqual(
      expect.arrayContaining(
        [...answers].map(([id, [position, ...others]]) => [id, others.length === 0 ? position : others]),
      ),
    );
    const conflicts = await Promise.allSettled(
      [one, two].map(({ client }, i) => client.publish({ topic, events: [event(i, 'contested')] })),
    );
    expect(conflicts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});
