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

/** What something costs each, round by round: now, at ten times as many or as large, and at a hundred times. */
export type Growth = readonly [readonly number[], readonly number[], readonly number[]];

/** How a cost grows with what it is for: log10 of the total at ten times as much. 1 is in proportion. */
export function slopeRow(name: RowName, costs: Growth, unit: string, verified: string, note?: string): Row {
  const step = (from: 0 | 1, to: 1 | 2) =>
    spread(costs[from].map((cost, i) => 1 + Math.log10((costs[to][i] ?? Number.NaN) / cost)));
  const medians = costs.map((each) => spread(each).median.toFixed(1)).join(' → ');
  return {
    ...name,
    measure: 'slope of cost, second step of × 10',
    better: 'lower',
    reach: 1.1,
    aim: 1,
    value: step(1, 2),
    verified,
    note: `${unit}: ${medians}; first step ${step(0, 1).median.toFixed(2)}${note ? `; ${note}` : ''}`,
  };
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
