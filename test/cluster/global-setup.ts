import { type AddressInfo, createServer } from 'node:net';
import type { TestProject } from 'vitest/node';
import { anyKafka, anyZooKeeper } from './cluster.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The port of `useCluster`'s door. */
    clusterDoor: number;
  }
}

/**
 * One cluster per test run, started when the first test asks for it: a run of unit tests waits for no JVM. Tests run in other processes, so
 * they ask through a socket: a line `kafka` or `zookeeper` in, a line of JSON out.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = new Map<string, Promise<{ readonly addresses: string[]; dispose(): Promise<void> }>>();

  function start(kind: string) {
    const running = started.get(kind);
    if (running !== undefined) return running;
    const starting =
      kind === 'kafka'
        ? anyKafka().then((kafka) => ({ addresses: kafka.brokers, dispose: kafka.dispose }))
        : anyZooKeeper().then((zookeeper) => ({ addresses: zookeeper.servers, dispose: zookeeper.dispose }));
    started.set(kind, starting);
    return starting;
  }

  const door = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (line) => {
      start(line.toString().trim()).then(
        (server) => socket.end(`${JSON.stringify({ addresses: server.addresses })}\n`),
        (error: unknown) => socket.end(`${JSON.stringify({ error: String(error) })}\n`),
      );
    });
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  // A TCP server's address is an AddressInfo once it listens.
  project.provide('clusterDoor', (door.address() as AddressInfo).port);

  return async () => {
    door.close();
    const servers = await Promise.allSettled(started.values());
    await Promise.all(servers.map((server) => (server.status === 'fulfilled' ? server.value.dispose() : undefined)));
  };
}
