import { createMainstemClient } from '../../src/client/index.js';
import { startKafkaCluster } from '../cluster/kafka-cluster.js';
import { startLaggingEnsemble } from '../cluster/lagging-ensemble.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { type Bus, startBus } from './bus.js';
import { noSchemas, type Stand } from './stand-parts.js';

/** Two instances on an ensemble. Starts in some 15 s on two cores. */
export async function ensembleStand(now: () => number, kafkaClient: string | undefined): Promise<Stand> {
  const directory = await temporaryDirectory();
  const [kafka, zookeeper] = await Promise.all([startKafkaCluster(), startLaggingEnsemble()]);
  const args = ['--log', `kafka://${kafka.brokers.join(',')}`];
  args.push('--coordination', `zookeeper://${zookeeper.servers.join(',')}/faults`);
  args.push('--schemas', await noSchemas(directory.path));
  if (kafkaClient !== undefined) args.push('--kafka-client', kafkaClient);
  const buses: Bus[] = [];
  for (const name of ['a', 'b']) buses.push(await startBus(name, args, now));
  const client = createMainstemClient({ address: buses[0]?.address ?? '' });
  return {
    pair: 'ensemble',
    buses,
    now,
    needCluster: () => {
      throw new Error('there are several servers of each kind here');
    },
    needEnsemble: () => ({ kafka, zookeeper }),
    client: () => client,
    removeOldEvents: () => Promise.reject(new Error('no round of this pair needs it')),
    async stop() {
      client.close();
      await Promise.all(buses.map((bus) => bus.kill()));
      await Promise.all([kafka.dispose(), zookeeper.dispose()]);
      await directory.remove();
    },
  };
}
