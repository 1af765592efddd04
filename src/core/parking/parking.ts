import type { CommittedPosition, Delivery } from '../subscribe/frames.js';

/** A place in a topic, as callers name it. */
export interface RecordPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface ParkCommand extends RecordPosition {
  readonly subscriber: string;
  /** At most 4 KiB in UTF-8. */
  readonly reason: string;
  readonly attempts: number;
  /** Of the stream's assignment. */
  readonly generation: number;
}

/** A parked record, without its payload. */
export interface ParkedInfo {
  /** Where it came from. */
  readonly position: RecordPosition;
  readonly reason: string;
  readonly attempts: number;
  /** Milliseconds since 1970. */
  readonly parkedAt: number;
  readonly payloadBytes: number;
}

/** Which parked records. */
export type Selection = 'all' | readonly RecordPosition[];

/** Parked records, as transports use them. */
export interface Parking {
  /**
   * Parks a record and commits past it. Throws FENCED, RECORD_NOT_FOUND, CURSOR_AHEAD, CURSOR_STALE_TOPIC, TOPIC_NOT_FOUND, EVENT_TOO_LARGE, PARKING_FULL,
   * INVALID_REQUEST; and STORE_OUTCOME_UNKNOWN, COORDINATION_UNAVAILABLE: try again, equal positions count as one.
   */
  park(command: ParkCommand, signal: AbortSignal): Promise<CommittedPosition>;
  /**
   * By the time of parking. Long reasons are cut. PARKED_RECORD_NOT_FOUND where `after` is parked no more.
   *
   * @param limit 1 to 1,000
   */
  listParked(
    subscriber: string,
    limit: number,
    after: RecordPosition | undefined,
  ): Promise<{ readonly records: readonly ParkedInfo[]; readonly total: number }>;
  /** The record as it was, at its first place. PARKED_RECORD_NOT_FOUND. */
  getParked(
    subscriber: string,
    position: RecordPosition,
  ): Promise<{ readonly parked: ParkedInfo; readonly delivery: Delivery }>;
  /**
   * Sends records to the subscriber again, and says how many. PARKED_RECORD_NOT_FOUND where one of them is not parked: then nothing is sent.
   */
  redrive(subscriber: string, selection: Selection): Promise<number>;
  /** Gives records up. PARKED_RECORD_NOT_FOUND as with `redrive`. */
  discard(subscriber: string, selection: Selection): Promise<number>;
}
