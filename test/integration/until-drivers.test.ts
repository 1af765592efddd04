import { describe, expect, onTestFinished, test } from 'vitest';
import { createMainstemClient, EndReason, type Place, type SubscribeInput } from '../../src/client/index.js';
import { openApp } from '../support/app-stand.js';
import { driverPairs } from '../support/pairs.js';

describe.each(await driverPairs())('until on $name', (pair) => {
  async function open() {
    const stand = await openApp(pair);
    const client = createMainstemClient({ address: stand.address });
    onTestFinished(() => client.close());
    const topic = await stand.topic('people', { partitions: 3 });
    const publish = async (from: number, to: number) => {
      const events = Array.from({ length: to - from }, (_, i) => {
        return { key: `k${from + i}`, data: { firstName: 'P', lastName: `${from + i}`, age: (from + i) % 90 } };
      });
      return client.publish({ topic, events });
    };
    /** The numbers that a bounded stream brings, and its end. */
    const read = async (until: Place, more: Partial<SubscribeInput> = {}, onReady?: () => Promise<unknown>) => {
      const numbers: number[] = [];
      const input = { from: 'earliest', until, ...more, topic, topics: undefined, pattern: undefined } as const;
      for await (const frame of client.frames(input)) {
        if (frame.case === 'ready') await onReady?.();
        if (frame.case === 'end') {
          const { reason, cursor } = frame.value;
          return { numbers: numbers.sort((a, b) => a - b), reason, cursor };
        }
        if (frame.case !== 'events') continue;
        for (const { jsonBytes } of frame.value.records) {
          numbers.push(Number(JSON.parse(Buffer.from(jsonBytes).toString()).lastName));
        }
      }
      throw new Error('the stream ended without an end');
    };
    return { publish, read };
  }

  const upTo = (count: number, from = 0) => Array.from({ length: count - from }, (_, i) => from + i);

  test('a cursor: what lies before it comes, and the rest from there on', async () => {
    const { publish, read } = await open();
    await publish(0, 60);
    const whole = await read('latest');
    expect(whole).toMatchObject({ numbers: upTo(60), reason: EndReason.UNTIL });
    const { cursor } = whole;
    await publish(60, 70);
    expect(await read({ cursor })).toEqual({ numbers: upTo(60), reason: EndReason.UNTIL, cursor });
    expect((await read({ cursor }, { filter: 'payload.age >= 50' })).numbers).toEqual(upTo(60, 50));
    expect((await read('latest', { from: { cursor } })).numbers).toEqual(upTo(70, 60));
    const more = { subscriber: 's', commitMode: 'on_delivery' } as const;
    expect((await read({ cursor }, more)).numbers).toEqual(upTo(60));
    expect((await read('latest', more)).numbers).toEqual(upTo(70, 60));
  });

  test('a time that has passed ends each partition at the first record that is not older', async () => {
    const { publish, read } = await open();
    const results = await publish(0, 30);
    const stored = Math.max(...results.map(({ time }) => Number(time?.seconds) * 1000 + (time?.nanos ?? 0) / 1e6));
    while (Date.now() <= stored) await new Promise((resolve) => setImmediate(resolve));
    const time = new Date();
    await publish(30, 40);
    expect(await read({ time })).toMatchObject({ numbers: upTo(30), reason: EndReason.UNTIL });
    expect(await read({ time: new Date(stored - 3_600_000) })).toMatchObject({ numbers: [], reason: EndReason.UNTIL });
    expect((await read({ time: new Date() })).numbers).toEqual(upTo(40));
  });

  test('a time to come lets everything through until it has passed, for a subscriber too', async () => {
    const { publish, read } = await open();
    await publish(0, 10);
    const time = new Date(Date.now() + 4_000);
    const [plain, subscriber] = await Promise.all([
      read({ time }, {}, () => publish(10, 20)),
      read({ time }, { subscriber: 's', commitMode: 'on_delivery', filter: 'payload.age < 5' }),
    ]);
    expect(plain).toMatchObject({ numbers: upTo(20), reason: EndReason.UNTIL });
    expect(subscriber).toMatchObject({ numbers: upTo(5), reason: EndReason.UNTIL });
    expect(Date.now()).toBeGreaterThanOrEqual(time.getTime());
    await publish(20, 21);
    expect((await read({ time })).numbers).toEqual(upTo(20));
  });
});
