import type { History } from './history.js';

/** What a round amounts to. Milliseconds. */
export interface Figures {
  readonly published: number;
  readonly acknowledged: number;
  readonly failed: number;
  readonly unknown: number;
  /** Records received by all readers together. */
  readonly delivered: number;
  readonly streams: number;
  readonly commits: number;
  readonly gaps: number;
  /** Until the fault was undone, from its beginning. */
  readonly faultMs: number;
  /** From the moment when the undoing began until the server, where one had to start, was ready. */
  readonly readyMs: number;
  /** From the same moment to the first acknowledgement, and to the first record. */
  readonly firstAckMs: number;
  readonly firstRecordMs: number;
  /** The longest time without any acknowledgement, and without any record for the durable subscriber. */
  readonly longestWithoutAckMs: number;
  readonly longestWithoutRecordMs: number;
}

export interface Moments {
  readonly nemesisAt: number;
  readonly healingAt: number;
  readonly healedAt: number;
}

export function figuresOf(history: History, { nemesisAt, healingAt, healedAt }: Moments): Figures {
  const count = (status: string) => history.publishes.filter((publish) => publish.status === status).length;
  const acks = history.publishes.filter(({ status }) => status === 'ok').map(({ endedAt }) => endedAt);
  const frames = history.streams.flatMap((stream) =>
    stream.frames.map((seen) => ({ seen, durable: stream.subscriber !== undefined })),
  );
  const withRecords = frames.filter(({ seen }) => seen.kind === 'events');
  const firstAfter = (times: readonly number[]) =>
    Math.round(Math.min(...times.filter((at) => at >= healingAt)) - healingAt);
  return {
    published: history.publishes.length,
    acknowledged: acks.length,
    failed: count('failed'),
    unknown: count('unknown'),
    delivered: withRecords.reduce((sum, { seen }) => sum + (seen.records?.length ?? 0), 0),
    streams: history.streams.length,
    commits: history.commits.length,
    gaps: frames.filter(({ seen }) => seen.kind === 'gap').length,
    faultMs: Math.round(healingAt - nemesisAt),
    readyMs: Math.round(healedAt - healingAt),
    firstAckMs: firstAfter(acks),
    firstRecordMs: firstAfter(withRecords.map(({ seen }) => seen.at)),
    longestWithoutAckMs: longest(acks),
    longestWithoutRecordMs: longest(withRecords.filter(({ durable }) => durable).map(({ seen }) => seen.at)),
  };
}

function longest(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return Math.round(sorted.reduce((most, at, i) => Math.max(most, at - (sorted[i - 1] ?? at)), 0));
}

/** One line for people. */
export function describeFigures(figures: Figures): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  return [
    `${figures.published} events: ${figures.acknowledged} acknowledged, ${figures.failed} failed, ${figures.unknown} unknown`,
    `${figures.delivered} deliveries, ${figures.streams} streams, ${figures.commits} commits, ${figures.gaps} gaps`,
    `fault ${seconds(figures.faultMs)}, ready after ${seconds(figures.readyMs)}, first ack ${seconds(figures.firstAckMs)}, first record ${seconds(figures.firstRecordMs)} after the healing began`,
    `longest without ack ${seconds(figures.longestWithoutAckMs)}, without a subscriber's record ${seconds(figures.longestWithoutRecordMs)}`,
  ].join('; ');
}
