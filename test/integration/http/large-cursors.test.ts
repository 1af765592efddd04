import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMainstemClient } from '../../../src/client/index.js';
import { dispatched } from '../../support/event-stream.js';
import { type HttpStand, openHttpStand } from '../../support/http-stand.js';

/** Partitions whose offsets lie far apart, so that no coding makes their cursor short. */
const topics = Array.from({ length: 4 }, (_, i) => `wide-${i}`);
let stand: HttpStand;

beforeAll(async () => {
  stand = await openHttpStand();
  for (const topic of topics) await stand.topic(topic, [], 1_000);
  await stand.topic('narrow', ['1', '2'], 12);
  const { bus } = stand;
  // Offsets up to a thousand.
  const event = { key: null, value: Buffer.from('1'), headers: [] };
  for (let partition = 0; partition < 1_000; partition++) {
    const count = 1 + ((partition * 7_919) % 1_000);
    await bus.log.append(
      'wide-0',
      partition,
      Array.from({ length: count }, () => event),
    );
  }
}, 120_000);
afterAll(() => stand[Symbol.asyncDispose]());

const ask = (path: string, accept = 'text/event-stream') =>
  fetch(`${stand.address}/v1/${path}`, { headers: { accept } });

test('an event stream over a thousand partitions at about the same place has an id that fits into a header', async () => {
  const answer = await ask('topics/wide-1/events?follow=false&from=earliest');
  expect(answer.status).toBe(200);
  const { lastEventId } = dispatched(await answer.text());
  expect(lastEventId).not.toBe('');
  expect(lastEventId.length).toBeLessThan(1_000);
});

test('an event stream whose id would have more than 4 KiB is refused at its start, with the way out', async () => {
  const path = `events?topics=${topics.join()}&follow=false`;
  const size = async () => {
    const lines = (await (await ask(`${path}&from=latest`, 'application/x-ndjson')).text()).split('\n');
    return String(JSON.parse(lines[0] ?? '').ready.cursor).length;
  };
  const events = Array.from({ length: 700 }, () => ({ key: null, value: Buffer.from('1'), headers: [] }));
  // Until the ends lie far enough apart.
  for (let i = 1; i < topics.length && (await size()) <= 4_096; i++) {
    for (let partition = 0; partition < 1_000; partition++) {
      const some = events.slice(0, 1 + ((partition * 7_919 * i) % 700));
      await stand.bus.log.append(topics[i] ?? '', partition, some);
    }
  }
  expect(await size()).toBeGreaterThan(4_096);
  const answer = await ask(`${path}&from=latest`);
  expect(answer.status).toBe(409);
  const problem = await answer.json();
  expect(problem).toMatchObject({
    reason: 'CURSOR_TOO_LARGE',
    retryable: false,
    detail: expect.stringContaining('Name a subscriber'),
    metadata: { partitions: '4000', most: '4096' },
  });
  // The way out: the server keeps the position.
  expect((await ask(`${path}&subscriber=mart&from=latest`)).status).toBe(200);
  // And who does not come back by a header is served.
  expect((await ask(`${path}&from=latest`, 'application/x-ndjson')).status).toBe(200);
  const client = createMainstemClient({ address: stand.address });
  const frames = client.frames({ topics, from: 'latest', follow: false });
  for await (const frame of frames) if (frame.case === 'end') break;
  client.close();
}, 120_000);
