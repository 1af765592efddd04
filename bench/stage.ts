import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cluster, startCluster } from '../test/cluster/cluster.js';
import { eventSchema } from './events.js';
import type { LoadCommands } from './load/main.js';
import type { MainstemCommands } from './measured/mainstem.js';
import { type Child, startChild } from './process/child.js';
import type { Commands } from './process/commands.js';
import { aroundSlices } from './rounds.js';

export type Pair = 'embedded' | 'cluster';

/** What is measured has a core for itself; everything else is on the other. */
export const measuredCore = 0;
export const otherCore = 1;

/** The load's own collections, of 10 ms and more, would be taken for latency of the bus: room for a slice without one. MiB. */
const roomyHeap = ['--min-semi-space-size=256', '--max-semi-space-size=256'];

/** A file system in memory, where Linux has one. */
const memory = '/dev/shm';

/** A running bus under measurement. */
export interface Mainstem {
  readonly child: Child<MainstemCommands>;
  readonly pid: number;
  readonly port: number;
  /** Starts it again with the same arguments, after it was killed. */
  restart(): Promise<Mainstem>;
}

/** Where one cell runs: servers and references on the measured core, the load on the other. */
export interface Stage {
  readonly pair: Pair;
  readonly load: Child<LoadCommands>;
  readonly cluster: Cluster | undefined;
  /** `inMemory`: an embedded log that never waits for a disk, where something else is asked than what storing costs. */
  startMainstem(options?: { readonly inMemory?: boolean }): Promise<Mainstem>;
  /** Starts a reference of `bench/measured` with a log and a topic of its own; through the bus's default client, unless another is named. */
  startReference<C extends Commands>(name: string, partitions: number, kafkaClient?: string): Promise<Child<C>>;
  /** The log that a child may open beside the server: only Kafka lets several do so. */
  readonly sharedLog: string | undefined;
  /** A name for a topic that nobody else has. */
  topicName(name: string): string;
  createTopic(server: Mainstem, topic: string, options?: TopicOptions): Promise<void>;
  dispose(): Promise<void>;
}

export interface TopicOptions {
  /** Default 4. */
  readonly partitions?: number;
  /** Default `eventSchema()`; null: any JSON. */
  readonly schema?: string | null;
}

export async function openStage(
  pair: Pair,
  cluster: Cluster | undefined,
  profiles: string | undefined,
): Promise<Stage> {
  const children: Child<Commands>[] = [];
  let slices = 0;
  const directories: string[] = [];
  const id = randomUUID().slice(0, 6);

  async function directory(parent = tmpdir()): Promise<string> {
    const made = await mkdtemp(join(parent, 'mainstem-bench-'));
    directories.push(made);
    return made;
  }

  function start<C extends Commands>(
    name: string,
    core: number,
    args: readonly string[],
    nodeArgs: readonly string[] = [],
  ): Child<C> {
    const child = startChild<C>(name, core, args, nodeArgs);
    children.push(child);
    return child;
  }

  async function serve(args: readonly string[], port = 0): Promise<Mainstem> {
    const nodeArgs = ['--expose-gc'];
    const child = start<MainstemCommands>(
      'measured/mainstem',
      measuredCore,
      ['serve', '--port', String(port), ...args],
      nodeArgs,
    );
    if (profiles !== undefined) {
      aroundSlices.set(child.pid, {
        begin: () => child.ask('profileStart'),
        end: () => child.ask('profileStop', join(profiles, `slice-${String(slices++).padStart(3, '0')}.cpuprofile`)),
      });
    }
    const [, found] = await child.says(/Mainstem is ready at http:\/\/127\.0\.0\.1:(\d+)/);
    return { child, pid: child.pid, port: Number(found), restart: () => serve(args, Number(found)) };
  }

  const sharedLog = cluster && `kafka://${cluster.kafka.brokers.join(',')}`;
  return {
    pair,
    cluster,
    sharedLog,
    load: start<LoadCommands>('load/main', otherCore, [], ['--expose-gc', ...roomyHeap]),
    topicName: (name) => `${name}-${id}`,
    async startMainstem({ inMemory = false } = {}) {
      const schemas = await directory();
      const places = cluster
        ? [
            '--log',
            sharedLog ?? '',
            '--coordination',
            `zookeeper://${cluster.zookeeper.servers.join(',')}/bench-${randomUUID().slice(0, 8)}`,
          ]
        : ['--log', `embedded:${await directory(inMemory ? memory : tmpdir())}`];
      return serve([...places, '--schemas', schemas, '--log-level', 'warn']);
    },
    async startReference(name, partitions, kafkaClient) {
      const place = sharedLog ?? `embedded:${await directory()}`;
      const args = [place, `reference-${randomUUID().slice(0, 8)}`, String(partitions)];
      return start(name, measuredCore, kafkaClient === undefined ? args : [...args, kafkaClient]);
    },
    async createTopic({ port }, topic, { partitions = 4, schema = eventSchema() } = {}) {
      const what =
        schema === null ? { settings: { partitions, schemaless: true } } : { settings: { partitions }, schema };
      const response = await fetch(`http://127.0.0.1:${port}/mainstem.v1.TopicService/CreateTopic`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ topic, ...what }),
      });
      if (!response.ok) throw new Error(`topic ${topic} could not be created: ${await response.text()}`);
    },
    async dispose() {
      await Promise.all(children.map((child) => child.kill()));
      await Promise.all(directories.map((path) => rm(path, { recursive: true, force: true, maxRetries: 5 })));
    },
  };
}

export const openCluster = (): Promise<Cluster> => startCluster();
