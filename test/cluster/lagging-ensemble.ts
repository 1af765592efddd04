import { type LateLink, openLateLink } from '../support/late-link.js';
import type { Server } from './server.js';
import { startZooKeeperEnsemble, type ZooKeeperEnsemble } from './zookeeper-ensemble.js';

/** Three ZooKeepers, of which any may be made to lag behind the one that leads. */
export interface LaggingEnsemble extends ZooKeeperEnsemble {
  /** Lets one member hear of everything so much later, as long as it follows the present leader. */
  lag(follower: Server, ms: number): Promise<void>;
  /** Nobody lags any more. */
  catchUp(): void;
}

/** Starts an ensemble whose members reach each other over links that can be slowed down. */
export async function startLaggingEnsemble(): Promise<LaggingEnsemble> {
  const links = new Map<string, LateLink>();
  const ensemble = await startZooKeeperEnsemble({
    async link(from, to, address) {
      const link = await openLateLink(address);
      links.get(`${from}-${to}`)?.close();
      links.set(`${from}-${to}`, link);
      return link.address;
    },
  });
  return {
    ...ensemble,
    async lag(follower, ms) {
      const leader = await ensemble.leader();
      const link = links.get(`${ensemble.members.indexOf(follower)}-${ensemble.members.indexOf(leader)}`);
      if (link === undefined) throw new Error('only a follower can lag behind the leader');
      link.lag(ms);
    },
    catchUp() {
      for (const link of links.values()) link.lag(0);
    },
    async dispose() {
      await ensemble.dispose();
      for (const link of links.values()) link.close();
    },
  };
}
