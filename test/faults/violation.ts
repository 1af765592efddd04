/** A promise that was broken. */
export interface Violation {
  readonly rule: Rule;
  readonly what: string;
}

export type Rule =
  /** An acknowledged event is not there. */
  | 'lost'
  /** A record that nobody published, or whose publisher was told that it is not stored. */
  | 'phantom'
  /** One place shows two events, or one event is in two places. */
  | 'moved'
  /** Acknowledged events of one producer and key, or the offsets of a stream, are out of order. */
  | 'order'
  /** A reader went past a record without having got it or been told of a gap. */
  | 'skipped'
  /** A gap was announced over a record that is there. */
  | 'false_gap'
  /** A reader has not come to the end. */
  | 'behind'
  /** A stream was silent for too long. */
  | 'silent'
  /** A committed position moved back. */
  | 'commit_back'
  /** A subscriber resumed after what it had committed, or tried to. */
  | 'resumed_late'
  /** Two ownerships have one generation, or a commit of an earlier one went through. */
  | 'fence'
  /** A failure without a reason of the catalogue, or a stream refused for a reason that waiting does not cure. */
  | 'failure'
  /** A SIGTERM did not end in order. */
  | 'shutdown'
  /** The round did not come to what it waited for. */
  | 'overdue'
  /** Nothing was checked. */
  | 'empty';

export type Report = (rule: Rule, what: string) => void;
