import { loadConfig } from '../../src/config/index.js';
import type { EventLog } from '../../src/core/ports/event-log.js';

/** The place of a log, as `mainstem serve --log` has it; through the client that the bus takes by default, unless another is named. */
export async function openLog(place: string, client?: string): Promise<EventLog> {
  if (place.startsWith('kafka://')) {
    const { kafkaClient } = loadConfig({ flags: client === undefined ? {} : { kafkaClient: client }, env: {} });
    const { openKafka } = await import('../../src/drivers/kafka/index.js');
    return openKafka({ brokers: place.slice('kafka://'.length).split(','), client: kafkaClient });
  }
  const { openEmbeddedLog } = await import('../../src/drivers/embedded/index.js');
  return openEmbeddedLog({ directory: place.slice('embedded:'.length) });
}

/** A topic as the bus would create it. */
export async function createTopic(log: EventLog, topic: string, partitions: number): Promise<void> {
  const settings = { partitions, retentionMs: 7 * 86_400_000, retentionBytes: 0, maxEventBytes: 1024 * 1024 };
  for (let attempt = 0; ; attempt++) {
    try {
      return await log.createTopic(topic, settings);
    } catch (error) {
      // The driver connects in the background.
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
