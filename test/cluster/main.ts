import { parseArgs } from 'node:util';
import { startCluster } from './cluster.js';
import { startKafkaCluster } from './kafka-cluster.js';
import { startZooKeeperEnsemble } from './zookeeper-ensemble.js';

// `npm run cluster -- [KAFKA_VERSION] [--brokers N]`: Kafka and ZooKeeper to play with, until Ctrl-C. With several brokers there are three ZooKeepers.
const { values, positionals } = parseArgs({
  options: { brokers: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const [version] = positionals;
const count = Number(values.brokers);
if (!Number.isInteger(count) || count < 1 || count > 9 || positionals.length > 1) {
  console.error('usage: npm run cluster -- [KAFKA_VERSION] [--brokers N], from 1 to 9 brokers');
  process.exit(2);
}
console.log('Starting Kafka and ZooKeeper (the first time their jars are fetched) …');
const begun = performance.now();
const cluster = await start();
const brokers = cluster.brokers.join(',');
const servers = cluster.servers.join(',');
console.log(`
Ready after ${((performance.now() - begun) / 1000).toFixed(1)} s.

Kafka      ${brokers}
ZooKeeper  ${servers}

For a Mainstem server:
  export MAINSTEM_LOG=kafka://${brokers}
  export MAINSTEM_COORDINATION=zookeeper://${servers}/mainstem

For the tests (saves starting others):
  export MAINSTEM_TEST_KAFKA=${brokers}
  export MAINSTEM_TEST_ZOOKEEPER=${servers}

Ctrl-C stops everything and removes the data.`);

const open = setInterval(() => undefined, 60_000);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    clearInterval(open);
    void cluster.stop();
  });
}

async function start() {
  if (count === 1) {
    const { kafka, zookeeper, stop } = await startCluster({ kafkaVersion: version });
    return { brokers: kafka.brokers, servers: zookeeper.servers, stop };
  }
  const [kafka, zookeeper] = await Promise.all([
    startKafkaCluster({ brokers: count, version }),
    startZooKeeperEnsemble(),
  ]);
  const stop = async () => void (await Promise.all([kafka.dispose(), zookeeper.dispose()]));
  return { brokers: kafka.brokers, servers: zookeeper.servers, stop };
}
