import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMainstemClient, type MainstemClient } from '../../src/client/index.js';
import { startServer, type TestServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

let data: Awaited<ReturnType<typeof temporaryDirectory>>;
let server: TestServer;
let client: MainstemClient;

beforeAll(async () => {
  data = await temporaryDirectory();
  server = await startServer({ args: ['--log', `embedded:${data.path}`] });
  client = createMainstemClient({ address: server.address });
});

afterAll(async () => {
  client.close();
  await server.kill();
  await data.remove();
});

const numberIn = (value: unknown) =>
  typeof value === 'object' && value !== null && 'n' in value ? Number(value.n) : Number.NaN;

async function topicWith(topic: string, events: readonly { readonly n: number; readonly key: string }[]) {
  await client.topics.create({ topic, settings: { schemaless: true } });
  await client.publish({ topic, events: events.map(({ n, key }) => ({ data: { n }, key })) });
}

async function parked(subscriber: string) {
  const { records } = await client.subscribers.listParked({ subscriber });
  return records.map(({ position, attempts }) => ({ offset: position?.offset, attempts }));
}

test('a loop that throws on one event gets past it with maxDeliveries', async () => {
  const subscriber = 'mart';
  const events = Array.from({ length: 8 }, (_, n) => ({ n, key: 'k' }));
  await topicWith('thrown', events);
  const processed: number[] = [];
  let thrown = 0;
  for (let run = 0; run < 10 && processed.at(-1) !== 7; run++) {
    try {
      for await (const event of client.subscribe({
        topic: 'thrown',
        subscriber,
        maxDeliveries: 2,
        commitTimeoutMs: 0,
        follow: false,
      })) {
        if (numberIn(event.data) === 3) throw new Error('no');
        processed.push(numberIn(event.data));
      }
    } catch {
      thrown++;
    }
  }
  expect(processed).toEqual([0, 1, 2, 4, 5, 6, 7]);
  expect(thrown).toBe(3);
  expect(await parked(subscriber)).toEqual([{ offset: 3n, attempts: 3 }]);
});

test('what a loop has left of a parked key is parked, too, with parkKeySequence', async () => {
  const subscriber = 'shop';
  await topicWith('sequence', [
    { n: 1, key: 'a' },
    { n: 2, key: 'b' },
    { n: 3, key: 'a' },
    { n: 4, key: 'b' },
  ]);
  const processed: number[] = [];
  const read = async () => {
    const subscription = client.subscribe({
      topic: 'sequence',
      subscriber,
      parkKeySequence: true,
      commitTimeoutMs: 0,
      follow: false,
    });
    for await (const event of subscription) {
      if (numberIn(event.data) === 1 && event.redriven === undefined) {
        await subscription.park(event, { reason: 'not now' });
      } else processed.push(numberIn(event.data));
    }
  };
  await read();
  expect(processed).toEqual([2, 4]);
  await client.publish({ topic: 'sequence', events: [{ data: { n: 5 }, key: 'a' }] });
  await read();
  expect(processed).toEqual([2, 4]);
  expect((await parked(subscriber)).map(({ offset }) => offset)).toEqual([0n, 2n, 4n]);
  await client.subscribers.redrive({ subscriber, all: true });
  await read();
  expect(processed).toEqual([2, 4, 1, 3, 5]);
  expect(await parked(subscriber)).toEqual([]);
});
