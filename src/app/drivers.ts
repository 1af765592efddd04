import type { Config } from '../config/index.js';
import type { Coordination } from '../core/ports/coordination.js';
import type { EventLog } from '../core/ports/event-log.js';

/** The two ports, as configured. */
export interface Drivers {
  readonly log: EventLog;
  readonly coordination: Coordination;
  close(): Promise<void>;
}

/**
 * Opens the configured drivers; only what is needed is loaded. Kafka and ZooKeeper connect in the background. Throws an Error for people where
 * the embedded directory cannot be had.
 */
export async function openDrivers(config: Config): Promise<Drivers> {
  const log = await openLog(config);
  try {
    const coordination = await openCoordination(config);
    return {
      log,
      coordination,
      async close() {
        // Coordination last to open, first to close: ephemerals vanish before the log is gone.
        await coordination.close();
        await log.close();
      },
    };
  } catch (error) {
    await log.close();
    throw error;
  }
}

async function openLog({ log, kafkaClient, maxDataBytes }: Config): Promise<EventLog> {
  if (log.driver === 'kafka') {
    const { openKafka } = await import('../drivers/kafka/index.js');
    return openKafka({ brokers: log.brokers, client: kafkaClient });
  }
  const { openEmbeddedLog } = await import('../drivers/embedded/index.js');
  return openEmbeddedLog({
    directory: log.directory,
    ...(maxDataBytes === undefined ? {} : { maxBytes: maxDataBytes }),
  });
}

async function openCoordination({ coordination, zookeeperSessionTimeoutMs }: Config): Promise<Coordination> {
  if (coordination.driver === 'zookeeper') {
    const { openZookeeper } = await import('../drivers/zookeeper/index.js');
    return openZookeeper({
      servers: coordination.servers.join(','),
      chroot: coordination.chroot || '/',
      sessionTimeoutMs: zookeeperSessionTimeoutMs,
    });
  }
  const { openEmbeddedCoordination } = await import('../drivers/embedded/index.js');
  return openEmbeddedCoordination({ directory: coordination.directory });
}
