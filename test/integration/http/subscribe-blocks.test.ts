import { afterAll, beforeAll, expect, test } from 'vitest';
import { BusError } from '../../../src/core/errors.js';
import type { Frame } from '../../../src/core/subscribe/frames.js';
import { toPulled } from '../../../src/core/subscribe/pulled.js';
import { type HttpStand, openHttpStand } from '../../support/http-stand.js';

let stand: HttpStand;
beforeAll(async () => {
  stand = await openHttpStand();
});
afterAll(async () => {
  expect(stand.logged).toEqual([]);
  await stand[Symbol.asyncDispose]();
});

interface Block {
  readonly event: string | undefined;
  readonly data: string | undefined;
  readonly id: string | undefined;
}

/** The blocks of an event stream, whether or not a client would dispatch them. */
async function blocksOf(path: string, lastEventId = ''): Promise<Block[]> {
  const headers = { accept: 'text/event-stream', 'last-event-id': lastEventId };
  const answer = await fetch(`${stand.address}/v1/${path}`, { headers });
  const text = await answer.text();
  if (answer.status === 204) return [];
  expect([answer.status, text.endsWith('\n\n')], text.slice(0, 300)).toEqual([200, true]);
  return text
    .slice(0, -2)
    .split('\n\n')
    .map((block) => {
      const fields = new Map(block.split('\n').map((line) => [line.replace(/:.*/, ''), line.replace(/^\w+: /, '')]));
      return { event: fields.get('event'), data: fields.get('data'), id: fields.get('id') };
    });
}

const records = (blocks: readonly Block[]) => blocks.filter(({ event }) => event === undefined);
const placeOf = ({ data }: Block) => {
  const { partition, offset } = JSON.parse(data ?? '');
  return `${partition}/${offset}`;
};

/** Records of very different sizes, up to larger than a write, in slices of up to 500. */
async function topicOfManySizes(name: string) {
  const payloads = Array.from({ length: 1_500 }, (_, n) =>
    JSON.stringify({ n, filler: 'x'.repeat(n % 100 === 99 ? 90_000 : n % 400) }),
  );
  await stand.topic(name, payloads, 3);
  return payloads.length;
}

test('no block lacks data, an id comes every 64 KiB, and none passes a record that is still to come', async () => {
  const total = await topicOfManySizes('sizes');
  const path = 'topics/sizes/events?from=earliest&follow=false';
  const blocks = await blocksOf(path);
  expect(blocks.filter(({ data }) => !data)).toEqual([]);
  expect(blocks.at(-1)).toMatchObject({ event: 'end', id: expect.any(String) });
  const got = records(blocks);
  expect(new Set(got.map(placeOf)).size).toBe(total);
  let bytes = 0;
  for (const { data = '', id } of got) {
    bytes += data.length;
    expect(bytes).toBeLessThanOrEqual(Math.max(64 * 1024, data.length));
    if (id !== undefined) bytes = 0;
  }
  const withId = got.flatMap(({ id }, at) => (id === undefined ? [] : [{ id, at }]));
  expect(withId.length).toBeGreaterThan(20);
  for (const { id, at } of withId) {
    const rest = records(await blocksOf(path, id)).map(placeOf);
    expect(rest.sort()).toEqual(
      got
        .slice(at + 1)
        .map(placeOf)
        .sort(),
    );
  }
});

test.each(['', '&id_each'])('data_only%s: the id moves on over records without a payload', async (each) => {
  const topic = `gone${each.length}`;
  await stand.topic(topic, ['1']);
  const tombstone = { key: Buffer.from('k'), headers: [], value: null };
  await stand.bus.log.append(topic, 0, [tombstone]);
  const path = `topics/${topic}/events?follow=false&data_only${each}`;
  const first = await blocksOf(`${path}&from=earliest`);
  expect(records(first).map(({ data }) => data)).toEqual(['1']);
  // The record has the cursor after both: nothing is left.
  expect(await blocksOf(path, records(first)[0]?.id)).toEqual([]);
  const ready = first[0]?.id;
  await stand.bus.log.append(topic, 0, [tombstone]);
  const second = await blocksOf(path, records(first)[0]?.id);
  expect(second.map(({ event, data }) => [event, data])).toEqual([
    ['ready', '{}'],
    ['heartbeat', '{}'],
    ['end', '{}'],
  ]);
  expect(second[1]?.id).not.toBe(ready);
  expect(second[1]?.id).toBe(second[2]?.id);
});

test('an end in place of a stream has data, too', async () => {
  async function* refused(): AsyncGenerator<Frame> {
    yield* [];
    throw new BusError('OVERLOADED', 'not now', { retryAfterMs: 2_000 });
  }
  await using own = await openHttpStand({
    subscriptions: {
      subscribe: () => toPulled(refused()),
      commit: async () => [],
      keepAlive: async () => undefined,
      setPositions: async () => undefined,
    },
  });
  for (const query of ['', '?data_only']) {
    const headers = { accept: 'text/event-stream' };
    const text = await (await fetch(`${own.address}/v1/topics/t/events${query}`, { headers })).text();
    expect(text).toMatch(/^event: end\ndata: \{.*\}\nretry: 2000\n\n$/);
  }
});
