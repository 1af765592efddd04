import { execFileSync } from 'node:child_process';
import type { KafkaServer, KafkaServerOptions } from './kafka-server.js';
import type { Server } from './server.js';
import type { ZooKeeperServer } from './zookeeper-server.js';

// Where Docker answers, the same servers run in containers. Written after testcontainers' documentation and types; it could
// not be tried on the machine where it was written, which has no Docker.

/** Whether a Docker daemon answers within 3 s. */
export function dockerAnswers(): boolean {
  try {
    execFileSync('docker', ['info'], { stdio: 'ignore', timeout: 3000 });
    return true;
  } catch {
    return false;
  }
}

export async function startKafkaInDocker(options: KafkaServerOptions = {}): Promise<KafkaServer> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const advertised = (await options.advertise?.(address)) ?? address;
  const container = await new GenericContainer(`apache/kafka:${options.version ?? '3.9.1'}`)
    .withExposedPorts({ container: 9092, host: port })
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_LISTENERS: 'PLAINTEXT://:9092,CONTROLLER://:9093',
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://${advertised}`,
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_LOG_RETENTION_CHECK_INTERVAL_MS: '1000',
      KAFKA_LOG_INITIAL_TASK_DELAY_MS: '1000',
    })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .start();
  return { ...handle(container.getId(), address, () => container.stop()), brokers: [address] };
}

export async function startZooKeeperInDocker(): Promise<ZooKeeperServer> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const port = await freePort();
  const container = await new GenericContainer('zookeeper:3.9.3')
    .withExposedPorts({ container: 2181, host: port })
    .withEnvironment({ ZOO_TICK_TIME: '250', ZOO_CFG_EXTRA: 'minSessionTimeout=500 maxSessionTimeout=60000' })
    .withWaitStrategy(Wait.forListeningPorts())
    .start();
  const address = `127.0.0.1:${port}`;
  return { ...handle(container.getId(), address, () => container.stop()), servers: [address] };
}

// The host port is fixed above, so that an address survives a restart of its container.
function handle(id: string, address: string, dispose: () => Promise<unknown>): Server {
  const docker = (...args: string[]) =>
    void execFileSync('docker', [...args, id], { stdio: 'ignore', timeout: 60_000 });
  return {
    address,
    start: async () => docker('start'),
    stop: async () => docker('stop'),
    kill: async () => docker('kill'),
    restart: async () => docker('restart'),
    pause: async () => docker('pause'),
    resume: () => docker('unpause'),
    dispose: async () => void (await dispose()),
  };
}

async function freePort(): Promise<number> {
  const { RandomPortGenerator } = await import('testcontainers');
  return await new RandomPortGenerator().generatePort();
}
