import type { LogRecord } from '../model.js';
import type { StreamOf } from '../offsets/keep-alive.js';
import type { Pulled } from './pulled.js';

/** What to stream, and from where: what every transport hands to the core. */
export interface SubscribeCommand {
  /** Exactly one of `topic`, `topics` (1 to 100) and `pattern` (1 to 249 characters, `*` for any) is set. */
  readonly topic?: string | undefined;
  readonly topics?: readonly string[] | undefined;
  readonly pattern?: string | undefined;
  /** Of one topic, without a subscriber: only these partitions are read, also when others are added. Undefined: all. */
  readonly partitions?: readonly number[] | undefined;
  /** A durable subscriber. Undefined: nothing is remembered. */
  readonly subscriber?: string | undefined;
  /** Undefined: the default (a new subscriber: earliest; without subscriber: latest). Ignored where a position is committed. */
  readonly from?: StartFrom | undefined;
  /** What to do with a cursor that retention has passed. Default `fail`. */
  readonly onExpired?: 'fail' | 'skip' | undefined;
  /** Default true. */
  readonly follow?: boolean | undefined;
  /** At least 1; undefined: no limit. */
  readonly limit?: number | undefined;
  /** Milliseconds, 1,000 to 60,000; default 10,000. */
  readonly heartbeatMs?: number | undefined;
  /** Who commits, and when: the client; the server when a frame was handed to the transport; the server before it is. Default `explicit`. */
  readonly commitMode?: 'explicit' | 'on_delivery' | 'before_delivery' | undefined;
  /** Delivery pauses while so many records are sent and uncommitted. At least 1. Subscribers only, as all below. */
  readonly maxUncommitted?: number | undefined;
  /** The same in bytes (`Delivery.bytes`). */
  readonly maxUncommittedBytes?: number | undefined;
  /**
   * Lose the partitions to others that wait for some, when records are sent and the consumer gives no sign of life for so long. 1,000 to 3,600,000 ms;
   * 0: never; default 300,000. With it a frame holds at most as many records as were committed in the last half of it, and at least one.
   */
  readonly commitTimeoutMs?: number | undefined;
  /**
   * Who says where each partition begins: the committed positions, or the client by `setPositions`. Then nothing of a partition is sent before, and the
   * stream ends (`positions_not_set`) when one has no position after 30 s. Needs `commitMode` explicit. Default `server`.
   */
  readonly positionsFrom?: 'server' | 'client' | undefined;
  /** Park a record that was sent so often, then by itself, and not committed. 1 to 1,000; undefined: it is sent for ever. */
  readonly maxDeliveries?: number | undefined;
  /** Park later events of a key, too, while an earlier one of it is parked, or redriven and not committed. Default false. */
  readonly parkKeySequence?: boolean | undefined;
  /** The schema version that the reader understands: named to those who change the schema. Undefined: not said. */
  readonly readerSchemaVersion?: number | undefined;
  /**
   * Where to end, with the reason `until`. A time: each partition at the first record that is not older; where there is none when that time has passed,
   * at the end that the partition has then. Where publishers give the times, at the end that the partition has then in any case, without the records of that time or
   * later. A cursor: what it does not cover was added later, and nothing of it is sent.
   */
  readonly until?: Place | undefined;
  /** Only records for which this CEL expression is true are sent; the cursor passes over the others. At most 4 KiB. */
  readonly filter?: string | undefined;
  /** JSON Pointers: only these parts of each JSON payload are sent, all of it for none. At most 100, each of at most 1,000 characters. */
  readonly fields?: readonly string[] | undefined;
  /** The share of records to send, above 0 and up to 1: chosen by position, the same for everybody who asks. */
  readonly sample?: number | undefined;
}

export type StartFrom =
  | Place
  /** Of one topic: the offset of the first record, by partition. A partition that it lacks starts at its beginning, as with a cursor. */
  | { readonly at: 'offsets'; readonly offsets: ReadonlyMap<number, number> };

export type Place =
  | { readonly at: 'earliest' }
  | { readonly at: 'latest' }
  | { readonly at: 'cursor'; readonly cursor: string }
  /** Milliseconds since 1970. */
  | { readonly at: 'time'; readonly timestamp: number };

/** A record on its way out, shared by all streams of the process. */
export interface Delivery {
  readonly partition: number;
  readonly record: LogRecord;
  /** `none`: an event without data. `tombstone`: a null value of another producer, and the deletion of a key on a compacted topic. */
  readonly kind: 'json' | 'not_json' | 'tombstone' | 'none';
  readonly schemaVersion: number | undefined;
  /** `recordBytes` of the record: what it weighs in a frame. */
  readonly bytes: number;
  /** A transport's encoding of this record, kept here so that it is made once per process. */
  wire?: EncodedRecord | undefined;
  /** The same for line formats: the record as one line of JSON, without a cursor. It lives as long as the delivery does. */
  line?: EncodedLine | undefined;
}

/** A part of bytes that hold the encodings of several records, which came one after the other. The bytes never change. */
export interface EncodedRecord {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** A line with its line end. */
export interface EncodedLine extends EncodedRecord {
  /** Where in `bytes` the payload's own JSON begins, which ends two bytes before the line does; -1 where there is none. */
  readonly data: number;
}

export interface Progress {
  readonly topic: string;
  readonly incarnation: string;
  readonly partition: number;
  readonly nextOffset: number;
  readonly highWatermark: number;
}

/** Why a stream ends. */
export type EndReason =
  | 'caught_up'
  | 'limit'
  | 'shutting_down'
  | 'subscriber_reset'
  | 'until'
  | 'filter_too_costly'
  | 'positions_not_set';

/** Records for which a stream's filter gave no answer, and which were not sent. */
export interface FilterErrors {
  /** How many, since the stream began. */
  readonly failed: number;
  /** Which record was the first, and what went wrong. */
  readonly firstError: string;
}

/** Cursors are made only where they are sent: a frame's `cursor` is a string already. */
export type Frame =
  | {
      readonly kind: 'ready';
      readonly streamId: string;
      readonly cursor: string;
      readonly assignment: AssignmentInfo;
    }
  | {
      readonly kind: 'events';
      readonly topic: string;
      readonly incarnation: string;
      readonly deliveries: readonly Delivery[];
      readonly cursor: string;
      /** Nobody else gets these records from memory, and what they lie in is used again after the next pull. */
      readonly lent?: boolean | undefined;
    }
  | {
      readonly kind: 'heartbeat';
      readonly cursor: string;
      readonly partitions: readonly Progress[];
      /** Undefined while the filter has answered for every record. */
      readonly filterErrors: FilterErrors | undefined;
    }
  | {
      readonly kind: 'gap';
      readonly topic: string;
      readonly incarnation: string;
      readonly partition: number;
      readonly from: number;
      readonly to: number;
      readonly reason: 'retention' | 'too_large' | 'topic_recreated' | 'log_truncated';
      readonly message: string;
      readonly cursor: string;
    }
  | { readonly kind: 'assignment'; readonly assignment: AssignmentInfo }
  | {
      readonly kind: 'end';
      readonly reason: EndReason;
      readonly cursor: string;
      readonly retryDelayMs: number | undefined;
      /** The same in words, where there is more to say. */
      readonly message: string | undefined;
    };

/** The partitions of one topic that a stream serves. */
export interface ServedPartitions {
  readonly topic: string;
  readonly incarnation: string;
  readonly partitions: readonly number[];
}

export interface AssignmentInfo {
  /** The topic, its incarnation and its partitions, of a stream of one topic; empty for several topics. */
  readonly topic: string;
  readonly incarnation: string;
  readonly partitions: readonly number[];
  /** The partitions that the stream serves, by topic, for one topic or several. */
  readonly topics: readonly ServedPartitions[];
  /** Undefined without a subscriber or without partitions. */
  readonly generation: number | undefined;
  readonly cursor: string;
  /** Others of the subscriber own everything: this one takes over when one of them goes. */
  readonly waiting: boolean;
}

/** A position in one life of a topic, as clients name it. */
export interface StreamPosition {
  readonly topic: string;
  readonly incarnation: string;
  readonly partition: number;
  /** The offset of the first record that is not processed. */
  readonly nextOffset: number;
}

/** A commit has a cursor, positions, or both. */
export interface CommitCommand {
  readonly subscriber: string;
  readonly cursor?: string | undefined;
  /** Places inside of frames, which no cursor names. At most 10,000. */
  readonly positions?: readonly StreamPosition[] | undefined;
  readonly generation: number;
}

export interface CommittedPosition {
  readonly topic: string;
  readonly partition: number;
  readonly nextOffset: number;
}

/** The subscribe path, as transports use it. */
export interface Subscriptions {
  /**
   * Streams topics. The first frame is `ready`; silence never lasts longer than the heartbeat. Ends after an `end` frame, or throws
   * a BusError. Pulling the next frame is the back-pressure. An async iterable; who writes to many streams takes the frames by `pull`.
   *
   * @param signal ends the stream: everything it holds is released on its abort, whether or not anybody still pulls.
   * @param takesLent whoever pulls a frame is done with the records of the one before, and has kept nothing of them: frames may be `lent`.
   */
  subscribe(command: SubscribeCommand, signal: AbortSignal, takesLent?: boolean): Pulled<Frame>;
  /**
   * Commits a cursor or positions, durably, for the owner with this generation. Forward only. FENCED where they name a partition that the generation
   * does not own (nothing of that partition changes, the others are committed), CURSOR_*.
   */
  commit(command: CommitCommand, signal: AbortSignal): Promise<CommittedPosition[]>;
  /**
   * Tells that the consumer of a stream lives though it commits nothing: the commit timeout begins anew. At any instance. FENCED where the stream is over,
   * or owns nothing any more.
   */
  keepAlive(of: StreamOf, signal: AbortSignal): Promise<void>;
  /**
   * Sets the read positions of a stream with `positionsFrom` client, at any instance: all of them, or none. The committed ones stay. A partition that has
   * its position already keeps it. FENCED where the stream does not own a partition under this generation, CURSOR_STALE_TOPIC, CURSOR_EXPIRED,
   * CURSOR_AHEAD, INVALID_REQUEST.
   */
  setPositions(of: StreamOf, positions: readonly StreamPosition[], signal: AbortSignal): Promise<void>;
}
