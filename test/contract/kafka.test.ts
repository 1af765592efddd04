import { describe, test } from 'vitest';
import { openKafka } from '../../src/drivers/kafka/kafka-log.js';
import { useKafka } from '../cluster/use-cluster.js';
import { describeEventLog } from './event-log-suite.js';

const brokers = await useKafka();

if (brokers === undefined) describe.skip('event log contract: kafka', () => test('needs a cluster', () => undefined));
else {
  describeEventLog(
    'kafka',
    async () => ({
      open: async () => {
        const log = openKafka({ brokers });
        await new Promise<void>((resolve) => {
          if (log.status.state === 'up') resolve();
          log.status.onChange(({ state }) => state === 'up' && resolve());
        });
        return log;
      },
      close: async () => undefined,
    }),
    { runs: 10, timeout: 60_000 },
  );
}
