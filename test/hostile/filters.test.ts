import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EndReason, type Frame } from '../../src/client/index.js';
import { drain, type HostileBus, refusal, startBus } from './bus.js';

let bus: HostileBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.dispose());

/** Takes thousands of steps for each record, and lets one in ten through. */
const costly = '[1,2,3,4,5,6,7,8,9,10].all(a, payload.items.all(i, i >= 0)) && payload.n % 10 == 9';

test('while a costly filter goes through many records, another stream gets each event as it comes', async () => {
  const { client } = bus;
  await client.topics.create({ topic: 'many', settings: { schemaless: true } });
  const items = JSON.stringify(Array.from({ length: 50 }, (_, i) => i));
  const events = Array.from({ length: 300 }, (_, n) => ({ payload: `{"n":${n},"items":${items}}` }));
  await client.publish({ topic: 'many', events });

  const other = client.frames({ topic: 'events', from: 'latest' })[Symbol.asyncIterator]();
  await other.next();
  const found: number[] = [];
  let delivered = 0;
  /** How many round trips there were by the time of each event that the filter let through. */
  const between: number[] = [];
  const hostile = client.frames({ topic: 'many', from: 'earliest', follow: false, filter: costly });
  let ended: Frame | undefined;
  const reading = (async () => {
    for await (const frame of hostile) {
      if (frame.case === 'end') ended = frame;
      if (frame.case !== 'events') continue;
      found.push(...frame.value.records.map(({ offset }) => Number(offset)));
      between.push(delivered);
      delivered = 0;
    }
  })();
  while (!ended) {
    await client.publish({ topic: 'events', events: [{ payload: `${delivered}` }] });
    for (;;) {
      const { value } = await other.next();
      if (value?.case === 'events') break;
    }
    delivered++;
  }
  await reading;
  await other.return?.();
  // A busy machine may find the filter too slow before it is through: never before 2.5 s of it.
  expect(found.length).toBeGreaterThan(1);
  expect(found).toEqual(Array.from({ length: 30 }, (_, i) => i * 10 + 9).slice(0, found.length));
  // A filter that never let go would have let nothing through between its first event and its last.
  expect(between.slice(1).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
  await bus.check();
});

test.each([
  ['loops over all there is', 'payload.items.all(a, payload.items.all(b, payload.items.all(c, a + b + c >= 0)))'],
  ['parses what is large in each round', 'payload.items.all(a, has(payload.filler) && payload.items.all(b, b >= 0))'],
])('a filter that %s ends its own stream, and names the record', async (_, filter) => {
  const { client } = bus;
  const topic = `large-${randomUUID()}`;
  await client.topics.create({ topic, settings: { schemaless: true, maxEventBytes: 4 * 1024 * 1024 } });
  const payload = `{"items":[${'1,'.repeat(20_000)}1],"filler":"${'x'.repeat(2_500_000)}"}`;
  await client.publish({ topic, events: [{ payload: '{"items":[]}' }, { payload }] });
  const frames = await drain(
    client.frames({ topic, from: 'earliest', filter: `size(payload.items) > 1 && ${filter}` }),
  );
  expect(frames.at(-1)).toMatchObject({
    case: 'end',
    value: { reason: EndReason.FILTER_TOO_COSTLY, message: expect.stringContaining(`${topic}/0@1`) },
  });
  // Nothing of it is sent, and no heartbeat is waited for.
  expect(frames.map((frame) => frame.case)).toEqual(['ready', 'end']);
  await bus.check();
});

test.each([
  `payload${'[0]'.repeat(1_300)}`,
  `${'('.repeat(2_000)}true${')'.repeat(2_000)}`,
  `${'!'.repeat(4_000)}true`,
  `${'[1].all(a, '.repeat(50)}true${')'.repeat(50)}`,
  'key.matches("(((a{900}){900}){900})")',
])('a filter that takes long to prepare is refused (%#)', async (filter) => {
  const stream = bus.client.frames({ topic: 'events', filter })[Symbol.asyncIterator]();
  expect(await refusal(stream.next())).toMatchObject({ reason: 'FILTER_INVALID' });
  await bus.check();
});
