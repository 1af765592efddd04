import type { LogRecord } from '../model.js';
import type { CommittedPosition, Delivery } from '../subscribe/frames.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { HeldKeys } from './held-keys.js';

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

/** Records that wait because an earlier event of their key does. */
export interface HoldCommand {
  readonly subscriber: string;
  readonly topic: ActiveTopic;
  readonly generation: number;
  /** In the order of their offsets within each partition. */
  readonly records: readonly { readonly partition: number; readonly record: LogRecord }[];
}

/** Parking as streams use it. */
export interface StreamParking {
  /** See `Parking.park`. */
  park(command: ParkCommand, signal: AbortSignal): Promise<CommittedPosition>;
  /** The keys whose later events are held back. Throws LOG_UNAVAILABLE, COORDINATION_UNAVAILABLE. */
  heldKeys(subscriber: string): Promise<HeldKeys>;
  /** Parks records in one append, without committing past them. Throws as `park` does. A second time counts once. */
  hold(command: HoldCommand, signal: AbortSignal): Promise<void>;
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
