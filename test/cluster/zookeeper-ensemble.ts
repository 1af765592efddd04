import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../support/wait.js';
import { ensureJars, zookeeperJars } from './jars.js';
import { type Place, type Server, startServers } from './server.js';
import { answers, askZooKeeper, launchZooKeeper, writeZooKeeperConfig } from './zookeeper-server.js';

/** Several ZooKeepers that make up one. A majority must run for it to serve. */
export interface ZooKeeperEnsemble {
  /** Client addresses. */
  readonly servers: string[];
  readonly members: readonly Server[];
  /** The member that leads now; waits for an election to end. Members that are frozen or down are passed over. */
  leader(): Promise<Server>;
  /** The members that follow now. */
  followers(): Promise<Server[]>;
  dispose(): Promise<void>;
}

export interface ZooKeeperEnsembleOptions {
  /** Default 3. */
  readonly servers?: number | undefined;
  /**
   * The address at which the member `from` reaches the replication port of the member `to`, given the real one: that of a
   * proxy, say, which makes `from` lag behind when `to` leads. Members are counted from 0.
   */
  readonly link?: ((from: number, to: number, address: string) => Promise<string>) | undefined;
}

/**
 * Starts an ensemble, on Maven Central's jars. A follower may be up to 4 s behind before the leader drops it; a frozen leader is
 * given up after that time. Measured: 90 MB each; each takes 1.5 s of a core to start.
 */
export async function startZooKeeperEnsemble(options: ZooKeeperEnsembleOptions = {}): Promise<ZooKeeperEnsemble> {
  const jars = await ensureJars(zookeeperJars('3.9.3'));
  const members = await startServers(
    {
      name: 'zookeeper',
      ports: 3,
      async prepare(places) {
        for (const [index, place] of places.entries()) {
          await writeZooKeeperConfig(place, await quorumLines(places, index, options.link));
          await writeFile(join(place.folder, 'data/myid'), `${index + 1}\n`);
        }
      },
      launch: ({ folder }) => launchZooKeeper(jars, folder, '128m'),
      ready: ({ address }) => answers(address),
    },
    options.servers ?? 3,
  );

  async function withMode(mode: 'leader' | 'follower'): Promise<Server[]> {
    const texts = await Promise.all(members.map(({ address }) => askZooKeeper(address, 'srvr').catch(() => '')));
    return members.filter((_, index) => texts[index]?.includes(`Mode: ${mode}`));
  }
  return {
    servers: members.map(({ address }) => address),
    members,
    leader: () =>
      until(async () => (await withMode('leader'))[0], {
        what: 'a ZooKeeper to lead',
        timeoutMs: 60_000,
        everyMs: 100,
      }),
    followers: () => withMode('follower'),
    dispose: async () => void (await Promise.all(members.map((member) => member.dispose()))),
  };
}

async function quorumLines(
  places: readonly Place[],
  from: number,
  link: ZooKeeperEnsembleOptions['link'],
): Promise<string[]> {
  const lines = ['initLimit=40', 'syncLimit=16'];
  for (const [to, { ports }] of places.entries()) {
    const direct = `127.0.0.1:${ports[1]}`;
    const address = to === from || link === undefined ? direct : await link(from, to, direct);
    lines.push(`server.${to + 1}=${address}:${ports[2]}`);
  }
  return lines;
}
