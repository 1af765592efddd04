import type { BusError } from '../errors.js';
import type { Header } from '../model.js';

/** A batch of events for one topic, as every transport hands it to the core. Nothing here knows of HTTP or protobuf. */
export interface PublishCommand {
  readonly topic: string;
  readonly mode: PublishMode;
  /** Undefined: the latest that is open. */
  readonly schemaVersion?: number | undefined;
  readonly events: readonly EventInput[];
  /**
   * 1 to 255 characters. Event number i without an id gets the identity (this key, i); those without a key are placed by it, together. A retry with
   * the same key and events is then recognised as any event with an identity is.
   */
  readonly idempotencyKey?: string | undefined;
  /** A batch without events is fine: it is answered without results, if the topic is there. Default false: INVALID_REQUEST. */
  readonly mayBeEmpty?: boolean | undefined;
  /** Told, before the results, what the publisher should know although all goes well. */
  readonly onWarning?: ((warning: string) => void) | undefined;
}

export type PublishMode = 'all_or_nothing' | 'independent';

/** An event. Texts that are undefined or empty are absent. */
export interface EventInput {
  /** Undefined: the topic's key pointer applies. */
  readonly key?: Uint8Array | undefined;
  /** The payload: JSON text in UTF-8, stored as it is. Null: an event without data, as CloudEvents may be; stored as a null value, which no schema judges. */
  readonly payload: Uint8Array | null;
  readonly id?: string | undefined;
  readonly source?: string | undefined;
  readonly type?: string | undefined;
  readonly subject?: string | undefined;
  readonly time?: string | undefined;
  /** CloudEvents extension attributes. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  readonly headers?: readonly Header[] | undefined;
  /** Which event it is for an idempotency key, from 0, where its call is not all there is. Default: its index. */
  readonly number?: number | undefined;
}

/** What became of one event. */
export type EventResult =
  | {
      readonly status: 'stored';
      readonly partition: number;
      readonly offset: number;
      /** Milliseconds since 1970. */
      readonly timestamp: number;
      /** Undefined on schemaless topics. */
      readonly schemaVersion: number | undefined;
      /** It was stored earlier: an event with the same identity and payload was there already, at this position. */
      readonly duplicate?: true;
    }
  | {
      /** `rejected`: invalid, a retry will not help. `not_stored`: a retry is safe. `unknown`: it may be stored. */
      readonly status: 'rejected' | 'not_stored' | 'unknown';
      /** Carries the violations of this event. */
      readonly error: BusError;
    };

/** How much one call may bring, and how much may wait in this process. */
export interface PublishLimits {
  /** Default 10,000. */
  readonly eventsPerCall: number;
  /** Payloads, keys and headers together. Default 8 MiB. */
  readonly bytesPerCall: number;
  /** Bytes that wait for the log in this process. Default 64 MiB. */
  readonly bufferBytes: number;
  /** The same for one topic. Default 32 MiB. */
  readonly topicBufferBytes: number;
  /**
   * What the indexes of identities take in this process, at 48 bytes for each event in them; beyond, windows are cut short. Default 256 MiB. Each
   * partition may have 48 KiB all the same.
   */
  readonly dedupeBytes: number;
  /** How long an append to the log is tried, in milliseconds, where no caller's deadline is earlier. Default 15,000. */
  readonly appendTimeoutMs: number;
}

export const defaultPublishLimits: PublishLimits = {
  eventsPerCall: 10_000,
  bytesPerCall: 8 * 1024 * 1024,
  bufferBytes: 64 * 1024 * 1024,
  topicBufferBytes: 32 * 1024 * 1024,
  dedupeBytes: 256 * 1024 * 1024,
  appendTimeoutMs: 15_000,
};

/** The produce path, as transports use it. */
export interface Publishing {
  /**
   * Publishes a batch. Resolves with one result per event when all is decided; in `all_or_nothing` mode only if every event is
   * stored, and otherwise rejects with a BusError (SCHEMA_VIOLATION, PARTIALLY_STORED, …).
   *
   * An event with an identity, (source, id) or (idempotency key, i), that is in its partition's window already is not stored again: with the same
   * payload it is answered as stored, at the position of the first one, and with another refused with EVENT_ID_REUSED.
   *
   * @param signal cancels: events that are still queued are withdrawn. One from `answerBefore` has the call answered before its deadline: with
   * LOG_UNAVAILABLE for events that are still queued, which are withdrawn, and STORE_OUTCOME_UNKNOWN for those that are on their way.
   */
  publish(command: PublishCommand, signal: AbortSignal): Promise<EventResult[]>;
  /** A publisher for one ordered stream of batches: it refuses with STREAM_HALTED what must not overtake a failure. */
  openStream(): PublishSession;
}

/** One PublishStream. */
export interface PublishSession {
  /** Aborted, with SHUTTING_DOWN as the reason, when nothing is admitted any more. What was admitted before is still answered. */
  readonly draining: AbortSignal;
  /** As `Publishing.publish`. Calls may overlap: events are queued in the order of the calls. */
  publish(command: SessionCommand, signal: AbortSignal): Promise<EventResult[]>;
  /** The same for one of several batches that come together, which cost less so: nothing is queued for certain before `flush`, in the same turn. */
  add(command: SessionCommand, listener: BatchListener, signal: AbortSignal): void;
  flush(): void;
  /** Fails a batch that cannot even be read as one, in its place: it may have been for any partition. Rejects with the error. */
  refuse(error: unknown): Promise<never>;
}

/** Told what becomes of one batch: warnings first, then once the outcome, as `Publishing.publish` has it. Must not throw. */
export interface BatchListener {
  warned(warning: string): void;
  answered(results: readonly EventResult[]): void;
  failed(error: unknown): void;
}

/** A batch of a stream. */
export interface SessionCommand extends PublishCommand {
  /** The caller knows of the failures so far, and goes on. */
  readonly continueAfterFailure: boolean;
  /** An event that is refused counts as a failure for all that come after it, whatever partition they are for. Default false. */
  readonly haltOnRefusal?: boolean | undefined;
}
