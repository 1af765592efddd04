import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import type { EventLog } from '../../../src/core/ports/event-log.js';
import { serveBus } from '../../support/app-stand.js';
import { openBus } from '../../support/open-bus.js';

async function open() {
  const bus = await openBus();
  const { address } = await serveBus(bus);
  await bus.topics.create({
    name: 't',
    settings: { schemaless: true, partitions: 1, maxEventBytes: 8 * 1024 * 1024 },
    adopt: false,
  });
  return {
    log: bus.log,
    async publish(payload: string) {
      const events = [{ payload: Buffer.from(payload) }];
      await bus.publisher.publish({ topic: 't', mode: 'all_or_nothing', events }, AbortSignal.timeout(60_000));
    },
    async get(path: string) {
      const answer = await fetch(`${address}/v1/topics/t/${path}`);
      return {
        status: answer.status,
        retryAfter: answer.headers.get('retry-after'),
        body: JSON.parse(await answer.text()),
      };
    },
  };
}

test('a profile of large events ends at 128 MiB, and says that it does and what it has seen', async () => {
  const { publish, get } = await open();
  const filler = 'x'.repeat(7 * 1024 * 1024);
  for (let n = 0; n < 20; n++) await publish(`{"n":${n},"filler":"${filler}"}`);
  const { body } = await get('profile');
  // The 19th goes beyond it.
  expect(body).toMatchObject({ records: 19, events: 19, cut: 'bytes', all: false });
  expect(body.bytes).toBeGreaterThanOrEqual(128 * 1024 * 1024);
  expect(body.ranges).toEqual([{ partition: 0, from: expect.any(Number), to: body.ranges[0].from + 19 }]);
  const { numbers } = body.fields.find(({ path }: { path: string }) => path === '/n');
  expect(numbers).toEqual({ min: body.ranges[0].from, max: body.ranges[0].to - 1 });
  expect((await get('profile?last=18')).body).toMatchObject({ records: 18, all: false, ranges: [{ from: 2, to: 20 }] });
  expect((await get('profile?last=18')).body).not.toHaveProperty('cut');
});

test('two profiles are made at a time; a third one is told when to come again, and does', async () => {
  const { publish, get, log } = await open();
  await publish('{"a":1}');
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let both = () => {};
  const reading = new Promise<void>((resolve) => {
    both = resolve;
  });
  let reads = 0;
  const read = log.read.bind(log);
  log.read = async (...args: Parameters<EventLog['read']>) => {
    if (++reads === 2) both();
    await held;
    return read(...args);
  };
  const first = [get('profile'), get('profile')];
  await reading;
  expect(await get('profile')).toMatchObject({
    status: 429,
    retryAfter: '1',
    body: { reason: 'OVERLOADED', retryable: true, detail: expect.stringContaining('2 profiles') },
  });
  release();
  for (const { status, body } of await Promise.all(first)) expect([status, body.records]).toEqual([200, 1]);
  expect((await get('profile')).status).toBe(200);
});

test('a hole is told from what is not there yet, and the next record is named', async () => {
  const { publish, get, log } = await open();
  for (const payload of ['0', '1', '2', '3']) await publish(payload);
  const read = log.read.bind(log);
  // As compaction leaves a partition: 1 and 2 are gone, and 3 too.
  log.read = async (...args: Parameters<EventLog['read']>) => {
    const result = await read(...args);
    if (result.outcome !== 'ok') return result;
    const all = await read(args[0], args[1], args[2], 1_000_000, args[4]);
    return all.outcome === 'ok' ? { ...all, records: all.records.filter(({ offset }) => kept.has(offset)) } : all;
  };
  let kept = new Set([0, 3]);
  expect(await get('events/0/1')).toMatchObject({
    status: 404,
    body: {
      reason: 'RECORD_NOT_FOUND',
      detail: expect.stringMatching(/it is a hole.*; the next one is at 3$/),
      metadata: { earliest: '0', highWatermark: '4', next: '3' },
    },
  });
  expect((await get('events/0/3')).body).toMatchObject({ offset: 3, data: 3 });
  kept = new Set([0]);
  const { body } = await get('events/0/2');
  expect(body.detail).toMatch(/it is a hole.*; it begins at 0, and the next record will have offset 4$/);
  expect(body.metadata).not.toHaveProperty('next');
});
