import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import type { EventInput } from '../../src/core/publish/command.js';
import { openBus } from '../support/open-bus.js';

const never = new AbortController().signal;
const event = (payload: unknown): EventInput => ({ payload: Buffer.from(JSON.stringify(payload)) });

test('an event without a key is refused by a compacted topic before anything is stored, also one that deletes', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  const { log } = bus;
  const publish = (events: EventInput[]) =>
    bus.publisher.publish({ topic: 't', mode: 'all_or_nothing', events }, never);
  const describeTopic = log.describeTopic.bind(log);
  log.describeTopic = async (name) => {
    const found = await describeTopic(name);
    return found && { ...found, compacted: true };
  };
  await bus.topics.apply({ name: 't', settings: { retentionMs: 60_000, keyPointer: '/id' }, schemas: [] });
  for (const keyless of [event({ a: 1 }), { payload: null }]) {
    const refused = await publish([event({ id: 'k' }), keyless]).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      reason: 'KEY_REQUIRED',
      message: expect.stringContaining('t is compacted'),
      violations: [{ event: 1, rule: 'key' }],
    });
  }
  expect((await log.bounds('t', 0)).highWatermark).toBe(0);
  const stored = await publish([event({ id: 'k' }), { payload: null, key: Buffer.from('k') }]);
  expect(stored).toMatchObject([{ status: 'stored' }, { status: 'stored' }]);
});
