import { randomUUID } from 'node:crypto';
import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { useCluster } from '../cluster/use-cluster.js';
import { temporaryDirectory } from './temporary-directory.js';

/** A pair of drivers, as `mainstem serve` takes it. */
export interface DriverPair {
  readonly name: string;
  /** A place of its own for one test, which removes what it left on disk. */
  place(): Promise<Place>;
}

export interface Place {
  /** Starts a server on it; again with the same arguments: on the same data. */
  readonly args: string[];
  /** What a topic of `schemas/` is called here: on a Kafka that tests share each test has names of its own. */
  topic(name: string): string;
}

const schemas = join(import.meta.dirname, '../../schemas');

/** The embedded pair, and Kafka with ZooKeeper where they can be had. */
export async function driverPairs(): Promise<DriverPair[]> {
  const cluster = await useCluster();
  const embedded: DriverPair = {
    name: 'embedded',
    async place() {
      const data = await ownDirectory();
      return { args: ['--log', `embedded:${data}`, '--schemas', schemas], topic: (name) => name };
    },
  };
  if (!cluster) return [embedded];
  const distributed: DriverPair = {
    name: 'kafka and zookeeper',
    async place() {
      const id = randomUUID().slice(0, 8);
      const topic = (name: string) => `${name}-${id}`;
      const ownSchemas = await ownDirectory();
      for (const name of await readdir(schemas)) {
        await cp(join(schemas, name), join(ownSchemas, topic(name)), { recursive: true });
      }
      const log = `kafka://${cluster.brokers.join(',')}`;
      const coordination = `zookeeper://${cluster.servers.join(',')}/e2e-${id}`;
      return { args: ['--log', log, '--coordination', coordination, '--schemas', ownSchemas], topic };
    },
  };
  return [embedded, distributed];
}

async function ownDirectory(): Promise<string> {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  return directory.path;
}
