/** A promise that was broken. */
export interface Violation {
  readonly rule: Rule;
  readonly at: number;
  readonly what: string;
}

export type Rule =
  /** An acknowledged event is not in the log, or a subscriber has not processed it though there was time. */
  | 'lost'
  /** An event with an identity was acknowledged at another position than that of the first one, or refused for no reason. */
  | 'twice'
  /** A subscriber has not come to the end. */
  | 'behind'
  /** Without any failure a record was processed twice. */
  | 'repeated'
  /** A stream went past a record without delivering it, or began behind what was committed. */
  | 'skipped'
  /** A stream delivered a partition's records out of order, or again. */
  | 'order'
  /** A stream delivered records of a partition that it did not own, or not yet. */
  | 'unowned'
  /** A stream delivered after its place was lost and somebody else had taken over. */
  | 'zombie'
  /** A generation was given to two streams, or went back. */
  | 'generation'
  /** A committed position moved back. */
  | 'commit_back'
  /** A commit was answered that is not written. */
  | 'unwritten'
  /** A commit succeeded for a generation that did not own the partition, or one that was refused was written all the same. */
  | 'fence'
  /** A position was moved that nobody asked to move. */
  | 'unasked'
  /** An owner was refused. */
  | 'refused'
  /** A stream was silent for longer than its heartbeat. */
  | 'silent'
  /** A failure that no client could understand, or that waiting does not cure. */
  | 'failure'
  /** Streams that have been left alone do not share evenly, or not everything. */
  | 'uneven';

export type Report = (rule: Rule, at: number, what: string) => void;
