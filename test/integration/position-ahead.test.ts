import { describe, expect, onTestFinished, test } from 'vitest';
import { createMainstemClient } from '../../src/client/index.js';
import { encodeCursor } from '../../src/core/cursor.js';
import { offsetPath } from '../../src/core/offsets/records.js';
import { type AppStand, openApp } from '../support/app-stand.js';
import { driverPairs } from '../support/pairs.js';

const never = new AbortController().signal;
/** Far less than the patience of a running stream, which is 10 s. */
const atOnceMs = 8_000;

async function stored(stand: AppStand, count: number): Promise<{ topic: string; incarnation: string }> {
  const topic = await stand.topic(undefined);
  const events = Array.from({ length: count }, (_, i) => ({ payload: Buffer.from(`${i}`) }));
  await stand.bus.publisher.publish({ topic, mode: 'all_or_nothing', events }, never);
  return { topic, incarnation: (await stand.bus.topics.require(topic)).incarnation };
}

describe.each(await driverPairs())('a position past the end on $name', (pair) => {
  test.each([
    ['NDJSON', 'application/x-ndjson', 'from'],
    ['NDJSON, bounded', 'application/x-ndjson', 'follow=false&from'],
    ['EventSource', 'text/event-stream', 'last-event-id'],
    ['EventSource, bounded', 'text/event-stream', 'follow=false&last-event-id'],
    ['EventSource, by its query', 'text/event-stream', 'from'],
  ])('%s is answered with an error status at once', async (_, accept, way) => {
    const stand = await openApp(pair);
    const { topic, incarnation } = await stored(stand, 3);
    const cursor = encodeCursor([{ topic, incarnation, positions: [[0, 4]] }]);
    const query = way.endsWith('from') ? `${way}=${cursor}` : way.replace('last-event-id', '');
    const headers = { accept, ...(way.endsWith('last-event-id') ? { 'last-event-id': cursor } : {}) };
    const answer = await fetch(`${stand.address}/v1/topics/${topic}/events?${query}`, {
      headers,
      signal: AbortSignal.timeout(atOnceMs),
    });
    // EventSource closes for good on an error: it does not come back to miss what is stored below its position.
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({
      reason: 'CURSOR_AHEAD',
      retryable: false,
      metadata: { topic, partition: '0', position: '4', high_watermark: '3' },
    });
  });

  test('RPC is refused at once, with and without a subscriber', async () => {
    const stand = await openApp(pair);
    const { topic, incarnation } = await stored(stand, 3);
    const client = createMainstemClient({ address: stand.address });
    onTestFinished(() => client.close());
    const cursor = encodeCursor([{ topic, incarnation, positions: [[0, 1_000]] }]);
    for (const more of [{}, { follow: false }, { subscriber: 'new' }]) {
      const read = async () => {
        const call = { signal: AbortSignal.timeout(atOnceMs) };
        const seen: unknown[] = [];
        for await (const { case: kind } of client.frames({ topic, from: { cursor }, ...more }, call)) seen.push(kind);
        return seen;
      };
      await expect(read(), JSON.stringify(more)).rejects.toMatchObject({ reason: 'CURSOR_AHEAD' });
    }
  });

  test('a committed position that the log does not reach is refused at once', async () => {
    const stand = await openApp(pair);
    const { topic, incarnation } = await stored(stand, 3);
    const record = { incarnation, generation: 1, next: 7, earlier: [] };
    const path = offsetPath('mart', topic, 0);
    await stand.bus.coordination.create(path, Buffer.from(JSON.stringify(record)));
    const client = createMainstemClient({ address: stand.address });
    onTestFinished(() => client.close());
    const read = async () => {
      const call = { signal: AbortSignal.timeout(atOnceMs) };
      for await (const _ of client.frames({ topic, subscriber: 'mart' }, call));
    };
    await expect(read()).rejects.toMatchObject({ reason: 'CURSOR_AHEAD', message: expect.stringContaining('(3)') });
  });

  test('the end itself is a position like any other', async () => {
    const stand = await openApp(pair);
    const { topic, incarnation } = await stored(stand, 3);
    const cursor = encodeCursor([{ topic, incarnation, positions: [[0, 3]] }]);
    const answer = await fetch(`${stand.address}/v1/topics/${topic}/events?follow=false&from=${cursor}`);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('caught_up');
  });
});
