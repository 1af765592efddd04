import type { FanOutPlan } from '../load/fan-out.js';
import type { Measured } from '../process/child.js';
import { perEvent, type Sample, type Subject } from '../rounds.js';
import type { Stage } from '../stage.js';
import { type Spread, spread } from '../stats.js';

const batch = 20;
const eventBytes = 1024;
/** Some frames to each of a thousand streams. */
const leastMs = 500;
/** A round is made of several, so that what happens meanwhile falls on all sides. */
export const slicesPerRound = 3;

/** Which streams are open, and how long events go through them in a round. */
export type LiveStreams = Pick<FanOutPlan, 'port' | 'topic' | 'streams' | 'through' | 'form' | 'ms'>;

/** Live streams of a topic of their own, which stay open between the slices. A slice throws unless each got each event, in order. */
export function liveStreams({ load }: Stage, child: Measured, streams: LiveStreams): Subject {
  const plan = { ...streams, batch, eventBytes, ms: Math.max(streams.ms / slicesPerRound, leastMs) };
  return {
    child,
    prepare: () => load.ask('openFanOut', plan),
    async run() {
      const pumped = await load.ask('pumpFanOut', plan);
      if (pumped.outOfOrder > 0) throw new Error(`${pumped.outOfOrder} deliveries did not follow the one before`);
      return pumped;
    },
  };
}

/** How events get to live streams: beside the server where the log lets others write, so that delivery alone is measured. */
export const eventsIn = ({ sharedLog }: Stage): FanOutPlan['through'] =>
  sharedLog === undefined ? 'publish' : { log: sharedLog };

/** A figure from those slices, by their number, that are to be regarded. */
export type Figure = (keep: (slice: number) => boolean) => number;

/** CPU per delivery: how much more an event costs than when nobody listens, by the number of streams. */
export function perDelivery(samples: readonly Sample[], nobody: readonly Sample[], streams: number): Figure {
  return (keep) => {
    const median = (of: readonly Sample[]) => spread(perEvent(of.filter((_, slice) => keep(slice)))).median;
    return (median(samples) - median(nobody)) / streams;
  };
}

/**
 * A figure from all slices; low and high: how far those of one round, left out, would move it. A difference of two numbers that vary has no meaning in a
 * single slice.
 */
export function fromAll(rounds: number, figure: Figure): Spread {
  const all = figure(() => true);
  const figures = [all];
  for (let round = 0; round < rounds && rounds > 1; round++)
    figures.push(figure((slice) => Math.floor(slice / slicesPerRound) !== round));
  return { median: all, low: Math.min(...figures), high: Math.max(...figures) };
}
