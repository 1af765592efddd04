import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { MainstemClient } from '../../src/client/index.js';
import type { Cluster } from '../cluster/cluster.js';
import type { KafkaCluster } from '../cluster/kafka-cluster.js';
import type { LaggingEnsemble } from '../cluster/lagging-ensemble.js';
import type { Bus } from './bus.js';
import type { Link } from './toxiproxy.js';

/** `ensemble`: three servers of each kind. */
export type Pair = 'embedded' | 'cluster' | 'ensemble';

/** A running bus with all that it stands on. Rounds share it, each with a topic of its own. */
export interface Stand {
  readonly pair: Pair;
  /** One on the embedded pair, two on the others. */
  readonly buses: readonly Bus[];
  readonly now: () => number;
  needCluster(): ClusterStand;
  needEnsemble(): Ensemble;
  /** A client of the first instance. */
  client(): MainstemClient;
  /** Removes what has been published so far, as retention would, from at least one partition. */
  removeOldEvents(topic: string): Promise<void>;
  stop(): Promise<void>;
}

export interface ClusterStand extends Cluster {
  readonly links: { readonly kafka: readonly Link[]; readonly zookeeper: readonly Link[] };
}

/** Three brokers with three replicas, min.insync 2, and three ZooKeepers. */
export interface Ensemble {
  readonly kafka: KafkaCluster;
  readonly zookeeper: LaggingEnsemble;
}

/** A directory without topic files: the rounds make their own. */
export async function noSchemas(parent: string): Promise<string> {
  const path = join(parent, 'schemas');
  await mkdir(path, { recursive: true });
  return path;
}
