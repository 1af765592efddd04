import type { TopicCursor } from '../../src/core/cursor.js';

/** What was done and seen in one round. Times are milliseconds of the harness's monotonic clock. */
export interface History {
  readonly lives: Life[];
  readonly publishes: Publish[];
  readonly streams: Stream[];
  readonly commits: Commit[];
  readonly windows: Window[];
  readonly shutdowns: Shutdown[];
  /** Set where the round lets retention remove events. */
  readonly retention: boolean;
  /** What was not reached within the time that the harness grants. */
  readonly overdue: string[];
  /** Everything that the topic holds after healing. Undefined if it could not be read. */
  final: FinalRead | undefined;
}

/** A topic between creation and deletion. */
export interface Life {
  readonly incarnation: string;
  readonly createdAt: number;
  /** When its deletion was asked for. */
  deletedAt: number | undefined;
}

/** A published event. Each is published once: whatever becomes of it, the next one has the next sequence. */
export interface Publish {
  readonly producer: number;
  readonly sequence: number;
  readonly key: string;
  readonly startedAt: number;
  endedAt: number;
  /** `failed`: the answer says that it is not stored. */
  status: 'ok' | 'failed' | 'unknown';
  reason: string;
  partition: number;
  offset: number;
}

/** One Subscribe call, to the end. */
export interface Stream {
  /** Who reads: one after the other, its streams make up one reading. */
  readonly reader: string;
  readonly subscriber: string | undefined;
  readonly instance: string;
  readonly heartbeatMs: number;
  readonly openedAt: number;
  /** The cursor that it was to go on from. */
  readonly resumed: TopicCursor | undefined;
  readonly frames: Seen[];
  closedAt: number;
  /** `left`: by the harness. `end`: by an End frame. Otherwise the reason of the error. */
  outcome: string;
}

/** A frame as it was received. No cursor: it was empty. */
export interface Seen {
  readonly kind: 'ready' | 'events' | 'heartbeat' | 'gap' | 'assignment' | 'end';
  readonly at: number;
  readonly cursor: TopicCursor | undefined;
  readonly records?: readonly SeenRecord[];
  readonly gap?: { readonly partition: number; readonly from: number; readonly to: number; readonly reason: string };
  /** Of `ready` and `assignment`, where partitions are owned. */
  readonly generation?: number | undefined;
  readonly reason?: string;
}

export interface SeenRecord {
  readonly partition: number;
  readonly offset: number;
  readonly producer: number;
  readonly sequence: number;
}

export interface Commit {
  readonly subscriber: string;
  readonly generation: number;
  readonly asked: TopicCursor;
  readonly startedAt: number;
  endedAt: number;
  status: 'ok' | 'failed' | 'unknown';
  reason: string;
  /** By partition, as answered. */
  answered: readonly (readonly [partition: number, next: number])[];
}

/** A time in which nothing can be asked of an instance, or (without one) of the harness itself. */
export interface Window {
  readonly instance: string | undefined;
  readonly from: number;
  to: number;
}

/** A SIGTERM, and what came of it. */
export interface Shutdown {
  readonly instance: string;
  readonly at: number;
  readonly exitedAt: number;
  readonly result: number | string;
}

export interface FinalRead {
  readonly incarnation: string;
  readonly partitions: readonly { readonly earliest: number; readonly highWatermark: number }[];
  readonly records: readonly SeenRecord[];
}

export function emptyHistory(retention: boolean): History {
  return {
    lives: [],
    publishes: [],
    streams: [],
    commits: [],
    windows: [],
    shutdowns: [],
    retention,
    overdue: [],
    final: undefined,
  };
}
