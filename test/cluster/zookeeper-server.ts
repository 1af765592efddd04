import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { ensureJars, zookeeperJars } from './jars.js';
import { type Jvm, startJvm } from './jvm.js';
import { type Place, type Server, startServer } from './server.js';

/** A single ZooKeeper. */
export interface ZooKeeperServer extends Server {
  /** `host:port` each. */
  readonly servers: string[];
}

/** Starts a ZooKeeper of its own for the caller, from Maven Central's jars. Session timeouts from 500 ms are accepted. */
export async function startZooKeeper(
  options: { readonly version?: string | undefined } = {},
): Promise<ZooKeeperServer> {
  const jars = await ensureJars(zookeeperJars(options.version ?? '3.9.3'));
  const server = await startServer({
    name: 'zookeeper',
    ports: 1,
    prepare: async (places) => {
      for (const place of places) await writeZooKeeperConfig(place);
    },
    launch: ({ folder }) => launchZooKeeper(jars, folder, '256m'),
    ready: ({ address }) => answers(address),
  });
  return { ...server, servers: [server.address] };
}

export function launchZooKeeper(jars: string, folder: string, heap: string): Promise<Jvm> {
  const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
  return startJvm({ jars, main, args: ['zoo.cfg'], heap, folder });
}

/** Writes `zoo.cfg` into the server's folder. `more` are further lines. */
export async function writeZooKeeperConfig({ folder, ports }: Place, more: readonly string[] = []): Promise<void> {
  const data = join(folder, 'data');
  await mkdir(data);
  const lines = [
    `dataDir=${data}`,
    `clientPort=${ports[0]}`,
    'clientPortAddress=127.0.0.1',
    'tickTime=250',
    'minSessionTimeout=500',
    'maxSessionTimeout=60000',
    'maxClientCnxns=0',
    'admin.enableServer=false',
    ...more,
  ];
  await writeFile(join(folder, 'zoo.cfg'), lines.map((line) => `${line}\n`).join(''));
}

/** Resolves when a ZooKeeper serves requests: `srvr` tells the mode only then. */
export async function answers(address: string): Promise<void> {
  const text = await askZooKeeper(address, 'srvr');
  if (!text.includes('Mode:')) throw new Error(`not ready: ${text}`);
}

/** What a ZooKeeper answers to one of its commands of four letters. Rejects when it says nothing for 2 s. */
export function askZooKeeper(address: string, command: string): Promise<string> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host ?? '127.0.0.1');
    let text = '';
    socket.setTimeout(2000, () => socket.destroy(new Error('no answer')));
    socket.on('connect', () => socket.write(command));
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}
