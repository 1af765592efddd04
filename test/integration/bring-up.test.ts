import { expect, test } from 'vitest';
import { bringUp } from '../../src/app/bring-up.js';
import { BusError } from '../../src/core/errors.js';
import { createFleet } from '../../src/core/fleet/index.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { openBus } from '../support/open-bus.js';

test('a log that is away at the start is waited for, though coordination is there and no topic file asks for it', async () => {
  await using bus = await openBus();
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  let asked = 0;
  bus.log.listTopics = async () => {
    if (++asked < 3) throw new BusError('LOG_UNAVAILABLE', 'the log is away');
    return ['t', 'unmanaged'];
  };
  bus.log.describeTopic = async () => undefined;
  const fleet = createFleet({
    coordination: bus.coordination,
    instance: 'test',
    exclusive: true,
    onTooHigh: () => undefined,
  });
  expect(
    await bringUp({ topics: bus.topics, fleet }, [], createLogger('silent'), new AbortController().signal),
  ).toEqual(['t']);
  expect(asked).toBe(3);
});
