import type {
  CursorExpired as CursorExpiredMessage,
  PublishOutcome as OutcomeMessage,
  Violation as ViolationMessage,
} from '../gen/mainstem/v1/errors_pb.js';

/** One rule that an event breaks. */
export interface Violation {
  /** Index of the event in its call, from 0; undefined where the rule is not about one event. */
  readonly event: number | undefined;
  /** JSON Pointer into the payload, empty for the payload itself; or the name of a field of the request. */
  readonly pointer: string;
  /** The schema keyword that refuses, such as `minimum`. */
  readonly rule: string;
  readonly message: string;
}

/** What became of each event of a call that was stored in part. Indexes in neither list were not stored. */
export interface PublishOutcome {
  readonly events: number;
  readonly stored: readonly { readonly event: number; readonly partition: number; readonly offset: bigint }[];
  /** Indexes of events that may be stored or not. */
  readonly unknown: readonly number[];
  /** The lists were cut: then nothing is known of an index that is in neither. */
  readonly truncated: boolean;
}

/** What retention has removed under a cursor, and the cursor to continue with. */
export type CursorExpired = Pick<CursorExpiredMessage, 'partitions' | 'cursor'>;

export function violationOf(message: ViolationMessage): Violation {
  return { event: message.event, pointer: message.pointer, rule: message.rule, message: message.message };
}

export function outcomeOf(message: OutcomeMessage | undefined): PublishOutcome | undefined {
  if (message === undefined) return undefined;
  const stored = message.stored.flatMap((run) =>
    // A run is never longer than the call that it is about; a damaged answer must not make this loop run away.
    Array.from({ length: Math.max(0, Math.min(run.count, message.events)) }, (_, i) => ({
      event: (run.firstEvent ?? 0) + i,
      partition: run.partition ?? 0,
      offset: (run.firstOffset ?? 0n) + BigInt(i),
    })),
  );
  return { events: message.events, stored, unknown: message.unknown, truncated: message.truncated };
}
