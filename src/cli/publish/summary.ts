import pc from 'picocolors';
import { formatBytes, formatCount, plural } from '../values.js';
import type { InputCounts } from './batches.js';
import type { PublishEnd } from './ordered-publisher.js';
import type { Rejections } from './rejections.js';

export interface PublishTotals {
  readonly topic: string;
  /** As it was given; `-` is stdin. */
  readonly file: string;
  readonly stored: number;
  readonly rejections: Rejections;
  readonly counts: InputCounts;
  readonly end: PublishEnd;
  readonly seconds: number;
}

/** For machines: one JSON object. `notStored` and `unknown` count lines; `firstNotStored` is where a second try would begin. */
export function jsonSummary(totals: PublishTotals): string {
  const { counts, end, rejections, seconds, stored } = totals;
  return JSON.stringify({
    topic: totals.topic,
    lines: counts.lines,
    stored,
    rejected: rejections.count,
    notStored: end.notStored.length,
    unknown: end.unknown.length,
    empty: counts.empty,
    ...(counts.skipped === 0 ? {} : { skipped: counts.skipped }),
    bytes: counts.bytes,
    seconds: Number(seconds.toFixed(3)),
    eventsPerSecond: rate(stored, seconds),
    ...(end.notStored.length === 0 ? {} : { firstNotStored: end.notStored[0] }),
    ...(end.unknown.length === 0 ? {} : { firstUnknown: end.unknown[0] }),
    rejections: rejections.shown,
  });
}

/** For people: a line, and one more for each kind of trouble. */
export function textSummary(totals: PublishTotals): string {
  const { counts, end, rejections, seconds, stored } = totals;
  const lines = [
    `${plural(stored, 'event')} stored in ${totals.topic}: ${formatBytes(counts.bytes)} in ${seconds.toFixed(2)} s, ` +
      `${formatCount(rate(stored, seconds))} events/s`,
  ];
  if (rejections.count > 0) lines.push(pc.red(`${plural(rejections.count, 'line')} rejected`));
  if (counts.skipped > 0) lines.push(`${plural(counts.skipped, 'line')} before --from-line skipped`);
  if (counts.empty > 0) lines.push(`${plural(counts.empty, 'empty line')} skipped`);
  if (end.unknown.length > 0) {
    lines.push(pc.red(`${plural(end.unknown.length, 'line')} may be stored or not: ${ranges(end.unknown)}`));
  }
  if (end.notStored.length > 0) {
    lines.push(pc.red(`${plural(end.notStored.length, 'line')} read but not stored: ${ranges(end.notStored)}`));
  }
  return lines.join('\n');
}

/** Sorted line numbers as `3-17, 20`, at most ten runs. */
function ranges(lines: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const line of lines) {
    const last = runs.at(-1);
    if (last && line === last[1] + 1) last[1] = line;
    else runs.push([line, line]);
  }
  const shown = runs.slice(0, 10).map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
  return `line ${shown.join(', ')}${runs.length > 10 ? ', …' : ''}`;
}

function rate(stored: number, seconds: number): number {
  return Math.round(stored / Math.max(seconds, 0.001));
}
