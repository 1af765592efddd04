import { create } from '@bufbuild/protobuf';
import type { PublishOutcome } from '../../core/errors.js';
import { type PublishOutcome as OutcomeMessage, PublishOutcomeSchema } from '../../gen/mainstem/v1/errors_pb.js';

/** Events stored one after the other: the i-th after the first has the i-th offset after the first. */
export interface StoredRun {
  readonly firstEvent: number;
  readonly count: number;
  readonly partition: number;
  readonly firstOffset: number;
}

export function storedRuns(stored: PublishOutcome['stored']): StoredRun[] {
  const runs: { firstEvent: number; count: number; partition: number; firstOffset: number }[] = [];
  for (const { event, partition, offset } of stored) {
    const last = runs.at(-1);
    if (
      last?.partition === partition &&
      last.firstEvent + last.count === event &&
      last.firstOffset + last.count === offset
    ) {
      last.count++;
    } else {
      runs.push({ firstEvent: event, count: 1, partition, firstOffset: offset });
    }
  }
  return runs;
}

/** The outcome as a message, with at most so many entries in each list. */
export function toOutcome(
  { events, unknown }: PublishOutcome,
  runs: readonly StoredRun[],
  most = Number.POSITIVE_INFINITY,
): OutcomeMessage {
  return create(PublishOutcomeSchema, {
    events,
    stored: runs.slice(0, most).map((run) => ({ ...run, firstOffset: BigInt(run.firstOffset) })),
    unknown: unknown.slice(0, most),
    truncated: runs.length > most || unknown.length > most,
  });
}
