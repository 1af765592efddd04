import { startCluster } from './cluster.js';

// `npm run cluster`: a Kafka and a ZooKeeper to play with, until Ctrl-C.
console.log('Starting Kafka and ZooKeeper (the first time their jars are fetched) …');
const cluster = await startCluster(process.argv[2] === undefined ? {} : { kafkaVersion: process.argv[2] });
const brokers = cluster.kafka.brokers.join(',');
const servers = cluster.zookeeper.servers.join(',');
console.log(`
Kafka      ${brokers}
ZooKeeper  ${servers}

For a Mainstem server:
  export MAINSTEM_LOG=kafka://${brokers}
  export MAINSTEM_COORDINATION=zookeeper://${servers}/mainstem

For the tests (saves starting others):
  export MAINSTEM_TEST_KAFKA=${brokers}
  export MAINSTEM_TEST_ZOOKEEPER=${servers}

Ctrl-C stops both and removes their data.`);

const open = setInterval(() => undefined, 60_000);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    clearInterval(open);
    void cluster.stop();
  });
}
