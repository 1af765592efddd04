import { expect, onTestFinished, test } from 'vitest';
import { createMainstemClient } from '../../src/client/index.js';
import { BusError } from '../../src/core/errors.js';
import { openHttpBus } from '../support/http-bus.js';

async function stand() {
  const bus = await openHttpBus();
  onTestFinished(() => bus[Symbol.asyncDispose]());
  await bus.topics.create({ name: 't', settings: { schemaless: true, keyPointer: '/id' }, adopt: false });
  const client = createMainstemClient({ address: bus.url });
  onTestFinished(() => client.close());
  let appends = 0;
  /** The first `times` appends fail, before they are stored or after. */
  const fail = (times: number, error: BusError, when: 'before' | 'after' = 'before') => {
    appends = 0;
    bus.log[when] = () => {
      if (++appends <= times) throw error;
    };
  };
  return { bus, client, fail, appends: () => appends };
}

const away = new BusError('LOG_UNAVAILABLE', 'away', { retryAfterMs: 10 });
const unknown = new BusError('STORE_OUTCOME_UNKNOWN', 'no answer', { retryAfterMs: 10 });

test('a call that is told to try again does until it succeeds; without it, and after a final refusal, it fails at once', async () => {
  const { bus, client, fail, appends } = await stand();
  fail(2, away);
  const events = [{ data: { id: 'a' } }];
  await expect(client.publish({ topic: 't', events })).rejects.toMatchObject({ reason: 'LOG_UNAVAILABLE' });
  expect(appends()).toBe(1);
  const [stored] = await client.publish({ topic: 't', events }, { retryForMs: 30_000 });
  expect(stored).toMatchObject({ offset: 0n });
  fail(9, new BusError('EVENT_TOO_LARGE', 'too large'));
  await expect(client.publish({ topic: 't', events }, { retryForMs: 30_000 })).rejects.toMatchObject({
    reason: 'EVENT_TOO_LARGE',
  });
  expect(appends()).toBe(1);
  fail(9, away);
  await expect(client.publish({ topic: 't', events }, { retryForMs: 1 })).rejects.toMatchObject({
    reason: 'LOG_UNAVAILABLE',
  });
  expect(await bus.stored('t')).toHaveLength(1);
});

test('what may be stored is sent again only with an identity, and is stored once', async () => {
  const { bus, client, fail } = await stand();
  fail(1, unknown, 'after');
  const event = { data: { id: 'a' } };
  await expect(client.publish({ topic: 't', events: [event] }, { retryForMs: 30_000 })).rejects.toMatchObject({
    reason: 'STORE_OUTCOME_UNKNOWN',
  });
  expect(await bus.stored('t')).toHaveLength(1);
  for (const [identity, stored] of [
    [{ events: [{ ...event, id: '1' }] }, 2],
    [{ events: [event], idempotencyKey: 'k' }, 3],
  ] as const) {
    fail(1, unknown, 'after');
    const [result] = await client.publish({ topic: 't', ...identity }, { retryForMs: 30_000 });
    expect(result).toMatchObject({ offset: BigInt(stored - 1), duplicate: true });
    expect(await bus.stored('t')).toHaveLength(stored);
  }
});

test('warnings come with the results', async () => {
  const { bus, client } = await stand();
  const { publish } = bus.publisher;
  Object.assign(bus.publisher, {
    publish: (...[command, signal]: Parameters<typeof publish>) => {
      command.onWarning?.('mind the gap');
      return publish(command, signal);
    },
  });
  const results = await client.publish({ topic: 't', events: [{ data: {} }] });
  expect(results).toHaveLength(1);
  expect(results.warnings).toContain('mind the gap');
});
