import { connect } from 'node:net';
import { inject } from 'vitest';
import { whyNoCluster } from './cluster.js';

/**
 * The run's own Kafka (`host:port` each), shared by all test files: use topic names of your own. Undefined where there is
 * none; then skip. With MAINSTEM_TEST_CLUSTER=required that is an error instead.
 */
export const useKafka = () => ask('kafka');

/** The run's own ZooKeeper (`host:port` each), likewise: use a chroot of your own. */
export const useZooKeeper = () => ask('zookeeper');

/** Both, or undefined. */
export async function useCluster(): Promise<{ brokers: string[]; servers: string[] } | undefined> {
  const [brokers, servers] = await Promise.all([useKafka(), useZooKeeper()]);
  return brokers && servers ? { brokers, servers } : undefined;
}

async function ask(kind: 'kafka' | 'zookeeper'): Promise<string[] | undefined> {
  // Undefined in runs without the global setup, whatever the type says.
  const door: number | undefined = inject('clusterDoor');
  const why = door === undefined ? 'test/cluster/global-setup.ts is not in use' : whyNoCluster('any', kind);
  if (why !== undefined || door === undefined) {
    if (process.env['MAINSTEM_TEST_CLUSTER'] === 'required') throw new Error(why);
    console.warn(`\n!!! SKIPPED, ${why}\n`);
    return undefined;
  }
  // Whatever is not checked here is checked by the cast's other side, in global-setup.
  const answer = JSON.parse(await exchange(door, kind)) as { addresses?: string[]; error?: string };
  if (answer.addresses === undefined) throw new Error(`the test ${kind} did not start: ${answer.error}`);
  return answer.addresses;
}

function exchange(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${line}\n`));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}
