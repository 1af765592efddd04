import type { Identity } from '../dedupe/identity.js';
import type { AppendRecord } from '../model.js';
import { reusedError } from './admission.js';
import type { Call } from './call.js';
import type { Prepared } from './prepare.js';
import { duplicate } from './results.js';
import type { Identified, Run } from './run.js';

/** A run that is still being filled. */
export interface CallRun extends Run {
  readonly records: AppendRecord[];
  readonly events: number[];
  identified: CallIdentified | undefined;
  readonly identify: () => CallIdentified;
  bytes: number;
}

/** The runs of one call, by partition. */
export type Runs = Map<number, CallRun>;

interface CallIdentified extends Identified {
  readonly identities: (Identity | undefined)[];
}

/** Adds an event of this index to the run for its partition, which begins with it. */
export function addTo(runs: Runs, prepared: Prepared, index: number, start: (partition: number) => CallRun): void {
  const { partition, identity } = prepared;
  let run = runs.get(partition);
  if (!run) {
    run = start(partition);
    runs.set(partition, run);
  }
  if (identity) {
    run.identified ??= run.identify();
    run.identified.identities[run.records.length] = identity;
  }
  run.records.push(prepared);
  run.events.push(index);
  run.bytes += prepared.bytes;
}

export function startIdentified(
  partition: number,
  schemaVersion: number | undefined,
  call: Call,
  events: readonly number[],
): CallIdentified {
  return {
    identities: [],
    wholeTo: () => (call.mode === 'all_or_nothing' ? events.length : undefined),
    found(index, first, lostAt) {
      const event = events[index] ?? 0;
      if (first.same) call.settle(event, duplicate(partition, first, schemaVersion));
      else call.settle(event, { status: 'rejected', error: reusedError(event, partition, first, lostAt) });
    },
    reused: (index, first) => reusedError(events[index] ?? 0, partition, first, undefined),
  };
}
