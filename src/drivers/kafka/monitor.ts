import type { MutableStatus } from '../../core/ports/dependency.js';
import { messageOf } from './errors.js';
import type { KafkaClient } from './kafka-client.js';
import type { MetadataCache } from './metadata-cache.js';
import { createTroubles } from './troubles.js';
import { createWakeup } from './wakeup.js';

/** How often the cluster is asked for a sign of life, while all is well and while it is not. */
const upPauseMs = 5000;
const downPauseMs = 500;

export interface Monitor {
  /** Reading a partition (`orders/0`) fails although the cluster is up, or works again. */
  reading(place: string, trouble: string | undefined): void;
  /** An attempt to append to a partition has failed, or the append has succeeded. */
  publishing(topic: string, partition: number, trouble: string | undefined): void;
  close(): Promise<void>;
}

/**
 * Keeps the status: `up` while any broker answers and nothing fails for longer than a leader takes to move; `impaired` while brokers answer, and
 * appends fail. A request that failed anywhere makes the monitor look at once.
 */
export function startMonitor(client: KafkaClient, metadata: MetadataCache, status: MutableStatus): Monitor {
  const wakeup = createWakeup();
  // A leader that moves is no trouble.
  const publishing = createTroubles('publishing to', 2000);
  const reading = createTroubles('reading', 0);
  let closed = false;
  let answers = false;

  function show(): void {
    if (closed || !answers) return;
    const failing = publishing.text();
    const detail = [failing, reading.text()].filter((text) => text !== undefined).join('; ');
    status.set(failing === undefined ? 'up' : 'impaired', detail === '' ? undefined : detail);
  }

  async function look(): Promise<void> {
    while (!closed) {
      let pauseMs = upPauseMs;
      try {
        await metadata.ask([]);
        if (!answers) publishing.clear();
        answers = true;
        show();
      } catch (error) {
        pauseMs = downPauseMs;
        answers = false;
        // It stays `connecting` until it has answered for the first time.
        if (!closed) status.set(status.state === 'connecting' ? 'connecting' : 'down', messageOf(error));
      }
      if (closed) return;
      const looked = performance.now();
      await wakeup.wait(pauseMs);
      // Many failures at once are one reason to look.
      const early = Math.min(pauseMs, 200) - (performance.now() - looked);
      if (!closed && early > 0) await createWakeup().wait(early);
    }
  }

  client.onFailure(() => wakeup.wake());
  const looking = look();
  return {
    reading: (place, trouble) => {
      if (reading.set(place, trouble)) show();
    },
    publishing: (topic, partition, trouble) => {
      // Nearly every call tells that all is well.
      if (trouble === undefined && publishing.isEmpty) return;
      if (publishing.set(`${topic}/${partition}`, trouble)) show();
    },
    close: async () => {
      closed = true;
      wakeup.wake();
      await looking;
    },
  };
}
