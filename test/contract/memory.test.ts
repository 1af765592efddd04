import { systemClock } from '../../src/core/ports/clock.js';
import type { Coordination } from '../../src/core/ports/coordination.js';
import { createMemoryWorld, delayingLink, type MemoryCoordination } from '../../src/drivers/memory/index.js';
import { describeCoordination } from './coordination-suite.js';
import { describeEventLog } from './event-log-suite.js';

const client = { clock: systemClock, link: delayingLink(systemClock, 3) };

describeEventLog('memory', async () => {
  const world = createMemoryWorld();
  return { open: async () => world.openLog(client), close: async () => undefined };
});

describeCoordination(
  'memory',
  async () => {
    const world = createMemoryWorld();
    const connections = new Map<Coordination, MemoryCoordination>();
    return {
      async open() {
        const connection = world.openCoordination(client);
        connections.set(connection, connection);
        return connection;
      },
      async expireSession(connection) {
        const { id } = await connection.session();
        connections.get(connection)?.loseSession();
        world.sessions.end(id);
      },
      close: async () => undefined,
    };
  },
  { expires: true },
);
