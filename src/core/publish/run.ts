import type { Identity } from '../dedupe/identity.js';
import type { Seen } from '../dedupe/identity-index.js';
import { BusError } from '../errors.js';
import type { AppendRecord } from '../model.js';
import type { Appended } from '../ports/event-log.js';

/** The events of one call for one partition, in their order, while they wait for the partition's appender. */
export interface Run {
  readonly records: readonly AppendRecord[];
  /** Undefined if no record has an identity. */
  readonly identified?: Identified | undefined;
  /** Of all records, by `recordBytes`. */
  readonly bytes: number;
  /** The life of the topic that the events were checked against: they are never stored in another. */
  readonly incarnation: string;
  /** The runs of one group keep their order: when something of one fails, those behind it in the queue are withdrawn. */
  readonly group: object;
  /** Why an event behind one of the group that failed with `cause` is not stored; undefined if it is tried all the same. */
  readonly behind: (partition: number, cause: BusError) => BusError | undefined;
  /** How many records were handed to the log, or settled: the others are certainly not stored. */
  sentTo: number;
  /** How long the caller waits still, in milliseconds; undefined: as long as an append may take. */
  readonly timeLeft?: (() => number | undefined) | undefined;
  /** Set to drop what is still in the queue; who sets it has settled the events already. */
  withdrawn: boolean;
  /**
   * Called for the records `from` to `to` (exclusive) when their outcome is known: once for each, unless withdrawn before it was taken, or `found`.
   * What is settled already stays as it is.
   */
  readonly done: (from: number, to: number, outcome: Appended | BusError) => void;
  /** Called when nothing refers to so many of the run's bytes any more. */
  readonly released: (bytes: number) => void;
}

/** What it takes to store no record of a run whose identity is there already. */
export interface Identified {
  /** One for each record; undefined where it has none. */
  readonly identities: readonly (Identity | undefined)[];
  /** Where those end that are refused with the record if one of them is: the records of its call. Undefined: each stands for itself. */
  wholeTo(index: number): number | undefined;
  /**
   * The record's identity was there before: that settles it, as a duplicate or as EVENT_ID_REUSED.
   *
   * @param lostAt where it was written all the same, because its writer could not know yet
   */
  found(index: number, first: Seen, lostAt: number | undefined): void;
  /** Why a record with another payload than the first of its identity is refused. @param first undefined: it is not stored yet */
  reused(index: number, first: Seen | undefined): BusError;
}

/** Records of a run that are next to each other: from `from` up to `to`, exclusive. */
export interface Stretch {
  readonly run: Run;
  readonly from: number;
  readonly to: number;
}

/** What one append takes of a run. */
export interface Part extends Stretch {
  readonly bytes: number;
}

/** Ends the wait of a run's caller, before its deadline: what was handed to the log may be stored, and the rest never will be. */
export function expireRun(run: Run, notStored: BusError): void {
  run.withdrawn = true;
  if (run.sentTo > 0) {
    const unknown = new BusError(
      'STORE_OUTCOME_UNKNOWN',
      'the log did not confirm the events in time for the deadline of the call: they may be stored, now or later',
      { cause: notStored },
    );
    run.done(0, run.sentTo, unknown);
  }
  if (run.sentTo < run.records.length) run.done(run.sentTo, run.records.length, notStored);
}
