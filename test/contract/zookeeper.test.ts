import { randomUUID } from 'node:crypto';
import { describe, test } from 'vitest';
import type { Coordination } from '../../src/core/ports/coordination.js';
import { openZookeeper } from '../../src/drivers/zookeeper/index.js';
import { useZooKeeper } from '../cluster/use-cluster.js';
import { describeCoordination } from './coordination-suite.js';
import { openProxy, type ZookeeperProxy } from './zookeeper-proxy.js';

const servers = await useZooKeeper();

if (servers === undefined) {
  describe('coordination contract: zookeeper', () => {
    test.skip('needs a ZooKeeper', () => undefined);
  });
} else {
  describeCoordination(
    'zookeeper',
    async () => {
      const chroot = `/test-${randomUUID()}/inner`;
      const links = new Map<Coordination, ZookeeperProxy>();
      return {
        open: async () => {
          const link = await openProxy(servers[0] ?? '');
          const connection = openZookeeper({ servers: link.address, chroot });
          links.set(connection, link);
          await connection.session();
          return connection;
        },
        expireSession: async (connection) => links.get(connection)?.endSession(),
        close: async () => {
          for (const link of links.values()) await link.close();
        },
      };
    },
    { expires: true },
  );
}
