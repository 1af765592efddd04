import type { MutableStatus } from '../../core/ports/dependency.js';
import type { KafkaClient } from './kafka-client.js';
import type { Leaders } from './leaders.js';
import { createWakeup } from './wakeup.js';

/** How often the cluster is asked for a sign of life, while all is well and while it is not. */
const upPauseMs = 5000;
const downPauseMs = 500;

export interface Monitor {
  /** What cannot be read although the cluster is up; shown with the status. */
  note(detail: string | undefined): void;
  close(): Promise<void>;
}

/** Keeps the status: up while any broker answers. A request that failed anywhere makes it look at once. */
export function startMonitor(client: KafkaClient, leaders: Leaders, status: MutableStatus): Monitor {
  const wakeup = createWakeup();
  let closed = false;
  let note: string | undefined;

  async function look(): Promise<void> {
    while (!closed) {
      let pauseMs = upPauseMs;
      try {
        await leaders.metadata([]);
        if (!closed) status.set('up', note);
      } catch (error) {
        pauseMs = downPauseMs;
        const detail = error instanceof Error ? error.message : String(error);
        // It stays `connecting` until it has answered for the first time.
        if (!closed) status.set(status.state === 'connecting' ? 'connecting' : 'down', detail);
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
    note: (detail) => {
      note = detail;
      if (status.state === 'up') status.set('up', detail);
    },
    close: async () => {
      closed = true;
      wakeup.wake();
      await looking;
    },
  };
}
