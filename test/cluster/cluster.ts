import { execFileSync } from 'node:child_process';
import { dockerAnswers, startKafkaInDocker, startZooKeeperInDocker } from './docker.js';
import { type KafkaServer, type KafkaServerOptions, startKafka } from './kafka-server.js';
import type { Server } from './server.js';
import { startZooKeeper, type ZooKeeperServer } from './zookeeper-server.js';

/** A real Kafka and a real ZooKeeper. */
export interface Cluster {
  readonly kafka: KafkaServer;
  readonly zookeeper: ZooKeeperServer;
  /** Stops both, and removes their data. */
  stop(): Promise<void>;
}

export interface ClusterOptions {
  /** Default 3.9.1. */
  readonly kafkaVersion?: string | undefined;
  /** See KafkaServerOptions. */
  readonly advertise?: KafkaServerOptions['advertise'];
}

/**
 * Starts both servers. In this order of choice: those whose addresses the environment gives (MAINSTEM_TEST_KAFKA, MAINSTEM_TEST_ZOOKEEPER;
 * they are not stopped), containers where Docker answers, and otherwise local JVMs from Maven Central's jars.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { kafkaVersion: version, advertise } = options;
  const [kafka, zookeeper] = await Promise.all([anyKafka({ version, advertise }), anyZooKeeper()]);
  return { kafka, zookeeper, stop: async () => void (await Promise.all([kafka.dispose(), zookeeper.dispose()])) };
}

/** A Kafka, by the same order of choice. */
export async function anyKafka(options: KafkaServerOptions = {}): Promise<KafkaServer> {
  const given = process.env['MAINSTEM_TEST_KAFKA'];
  if (given) return { ...foreign(given), brokers: given.split(',') };
  return dockerAnswers() ? startKafkaInDocker(options) : startKafka(options);
}

/** A ZooKeeper, by the same order of choice. */
export async function anyZooKeeper(): Promise<ZooKeeperServer> {
  const given = process.env['MAINSTEM_TEST_ZOOKEEPER'];
  if (given) return { ...foreign(given), servers: given.split(',') };
  return dockerAnswers() ? startZooKeeperInDocker() : startZooKeeper();
}

/** Undefined if servers can be started here (`needs: 'own'`) or reached (`any`); otherwise why not. Never so when MAINSTEM_TEST_CLUSTER=required. */
export function whyNoCluster(needs: 'own' | 'any', kind: 'kafka' | 'zookeeper'): string | undefined {
  if (process.env['MAINSTEM_TEST_CLUSTER'] === 'required') return undefined;
  if (needs === 'any' && process.env[kind === 'kafka' ? 'MAINSTEM_TEST_KAFKA' : 'MAINSTEM_TEST_ZOOKEEPER'])
    return undefined;
  const missing = ['java', 'mvn'].filter((command) => !runs(command));
  if (missing.length === 0 || (needs === 'any' && dockerAnswers())) return undefined;
  return `no real ${kind} here: no Docker, no ${missing.join(', no ')}, and no address in the environment`;
}

function runs(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore', timeout: 5000 });
    return true;
  } catch {
    return false;
  }
}

function notOurs(): Error {
  return new Error('this server was given by address: only what was started here can be stopped or restarted');
}

function foreign(address: string): Server {
  const refuse = () => Promise.reject(notOurs());
  const refuseNow = () => {
    throw notOurs();
  };
  return {
    address,
    start: refuse,
    stop: refuse,
    kill: refuse,
    restart: refuse,
    pause: refuse,
    resume: refuseNow,
    dispose: () => Promise.resolve(),
  };
}
