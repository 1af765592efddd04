import { eventsPerSecond, perEvent, ratios, type Sample, saturated } from './rounds.js';
import type { Pair } from './stage.js';
import type { Spread } from './stats.js';
import { spread } from './stats.js';
import type { ReadBack } from './wire/sequences.js';

/** One line of the table. */
export interface Row {
  readonly cell: string;
  readonly variant: string;
  readonly pair: Pair;
  /** What `value` is, with its unit. */
  readonly measure: string;
  /** The judged figure. */
  readonly value: Spread;
  readonly better: 'higher' | 'lower';
  readonly reach?: number;
  readonly aim?: number;
  /** Behind it: CPU-microseconds per event, or what else was compared. */
  readonly ours?: Spread;
  readonly reference?: Spread;
  readonly unit?: string;
  /** Events per second. */
  readonly throughput?: { readonly ours: Spread; readonly reference?: Spread };
  /** Cores that were busy for more than 90 %, and how busy each was; core 0 is the measured one. */
  readonly saturated?: string;
  /** What was read back and checked. */
  readonly verified: string;
  readonly note?: string;
}

export type RowName = Pick<Row, 'cell' | 'variant' | 'pair'>;
export type Targets = Pick<Row, 'reach' | 'aim' | 'note'>;

/** CPU per event of a reference by ours: what share of our work is unavoidable. */
export function cpuRow(
  name: RowName,
  targets: Targets,
  ours: readonly Sample[],
  reference: readonly Sample[],
  verified: string,
): Row {
  return {
    ...name,
    ...targets,
    measure: 'CPU reference ÷ ours',
    better: 'higher',
    value: ratios(perEvent(reference), perEvent(ours)),
    ours: spread(perEvent(ours)),
    reference: spread(perEvent(reference)),
    unit: 'CPU µs/event',
    throughput: { ours: spread(eventsPerSecond(ours)), reference: spread(eventsPerSecond(reference)) },
    saturated: saturated(ours),
    verified,
  };
}

/** How a total grows when there are ten times as many of what each cost so much: 1 is in proportion. */
export const slope = (costs: number, then: number): number => 1 + Math.log10(then / costs);

export function slopeRow(name: RowName, second: Spread, verified: string, note: string): Row {
  const targets = { reach: 1.1, aim: 1, better: 'lower' as const };
  return { ...name, ...targets, measure: 'slope of cost, second step of × 10', value: second, verified, note };
}

/**
 * Throws unless everything that was acknowledged is there, once; `inOrder`: also in the order in which each publisher sent it, which calls that
 * are in flight together do not promise.
 */
export function verify(what: string, read: ReadBack, acknowledged: number, order: 'any' | 'inOrder' = 'any'): string {
  const { records, duplicates, outOfOrder, skips } = read;
  if (records !== acknowledged || duplicates > 0 || skips > 0 || (order === 'inOrder' && outOfOrder > 0)) {
    const wrong = `${duplicates} duplicates, ${outOfOrder} out of order, ${skips} skips`;
    throw new Error(`${what}: ${acknowledged} events were acknowledged; read back ${records}, ${wrong}`);
  }
  return `${acknowledged} events`;
}
