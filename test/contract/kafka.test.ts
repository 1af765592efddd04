import { describe, test } from 'vitest';
import { kafkaClients, openKafka } from '../../src/drivers/kafka/index.js';
import { useKafka } from '../cluster/use-cluster.js';
import { describeEventLog } from './event-log-suite.js';

const brokers = await useKafka();

if (brokers === undefined) describe.skip('event log contract: kafka', () => test('needs a cluster', () => undefined));
else {
  for (const client of kafkaClients) {
    describeEventLog(
      `kafka through ${client}`,
      async () => ({
        open: async () => {
          const log = await openKafka({ brokers, client });
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
}
