import type { FanOutPlan } from '../load/fan-out.js';
import type { Measured } from '../process/child.js';
import type { Subject } from '../rounds.js';
import type { Stage } from '../stage.js';

const batch = 20;
const eventBytes = 1024;
/** Long enough for a thousand streams to get some hundred frames. */
const leastMs = 1500;

/** Which streams are open, and how long events go through them. */
export type LiveStreams = Pick<FanOutPlan, 'port' | 'topic' | 'streams' | 'through' | 'form' | 'ms'>;

/** Live streams of one process, opened before each slice and closed after it. A slice throws unless each stream got each event, in order. */
export function liveStreams({ load }: Stage, child: Measured, streams: LiveStreams): Subject {
  const plan = { ...streams, batch, eventBytes, ms: Math.max(streams.ms, leastMs) };
  return {
    child,
    prepare: () => load.ask('openFanOut', plan),
    async run() {
      const pumped = await load.ask('pumpFanOut', plan);
      if (pumped.outOfOrder > 0) throw new Error(`${pumped.outOfOrder} deliveries did not follow the one before`);
      return pumped;
    },
    async finish() {
      await load.ask('closeFanOut');
      await new Promise((resolve) => setTimeout(resolve, 300));
    },
  };
}

/** How events get to live streams: beside the server where the log lets others write, so that delivery alone is measured. */
export const eventsIn = ({ sharedLog }: Stage): FanOutPlan['through'] =>
  sharedLog === undefined ? 'publish' : { log: sharedLog };
