import { describe } from 'vitest';
import { whyNoCluster } from '../cluster/cluster.js';
import { everyNemesisOnce } from './suite.js';

const why = whyNoCluster('own', 'kafka') ?? whyNoCluster('own', 'zookeeper');
if (why !== undefined) console.warn(`\n!!! SKIPPED, ${why}\n`);

describe.skipIf(why !== undefined)('three brokers and three ZooKeepers', () => everyNemesisOnce('ensemble'));
