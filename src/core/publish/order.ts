import { BusError } from '../errors.js';
import type { SessionCommand } from './command.js';

/** The order that one stream of batches keeps: a partition in which something failed takes no more until the client goes on knowingly. */
export interface Order {
  /** Why nothing may be queued for a partition; undefined if it may. */
  check(topic: string, partition: number): BusError | undefined;
  halt(topic: string, partition: number, cause: BusError): void;
  /** An event of the batch that is being admitted is refused. */
  refused(cause: BusError): void;
}

/** The same, as the stream itself has it. */
export interface StreamOrder extends Order {
  readonly isHalted: boolean;
  /** A batch is going to be admitted. */
  admitting(batch: SessionCommand): void;
  /** A batch has failed as a whole: it may have been for any partition. */
  haltAll(error: unknown): void;
}

export function createOrder(): StreamOrder {
  const halted = new Map<string, BusError>();
  let haltedAll: BusError | undefined;
  /** Of the batch that is being admitted. */
  let haltOnRefusal = false;
  return {
    get isHalted() {
      return haltedAll !== undefined || halted.size > 0;
    },
    admitting(batch) {
      if (batch.continueAfterFailure) {
        halted.clear();
        haltedAll = undefined;
      }
      haltOnRefusal = batch.haltOnRefusal ?? false;
    },
    check(topic, partition) {
      const cause = haltedAll ?? halted.get(`${topic}/${partition}`);
      if (!cause) return undefined;
      return new BusError(
        'STREAM_HALTED',
        `not stored: an earlier batch of this stream failed (${cause.reason}), as far as partition ${partition} of ${topic} is concerned; set continue_after_failure to go on`,
        { cause },
      );
    },
    halt(topic, partition, cause) {
      // A withdrawal behind a failure is a consequence; the failure itself halted the partition.
      if (cause.reason !== 'STREAM_HALTED') halted.set(`${topic}/${partition}`, cause);
    },
    refused(cause) {
      if (haltOnRefusal) haltedAll ??= cause;
    },
    haltAll(error) {
      const refused = BusError.from(error);
      haltedAll ??= refused.cause instanceof BusError ? refused.cause : refused;
    },
  };
}

/** Why an event of a stream, or of a call that is stored whole or not at all, is not stored behind one that failed. */
export function failedBefore(partition: number, cause: BusError): BusError {
  return new BusError(
    'STREAM_HALTED',
    `not stored: an earlier event for partition ${partition} failed (${cause.reason})`,
    { cause, retryAfterMs: cause.retryAfterMs ?? 1000 },
  );
}

/**
 * The same for the events of a call that stand for themselves, where no stream halts. What refuses one event for good says nothing about those
 * behind it, which are tried: undefined. What passes, such as a log that is away, keeps them in their order: they fail with it.
 */
export function failedWith(partition: number, cause: BusError): BusError | undefined {
  if (!cause.retryable) return undefined;
  const reason = cause.reason === 'STORE_OUTCOME_UNKNOWN' ? 'LOG_UNAVAILABLE' : cause.reason;
  const { retryAfterMs = 1000 } = cause;
  return new BusError(
    reason,
    `not stored: an earlier event of the call for partition ${partition} failed (${cause.reason}): ${cause.message}`,
    { cause, retryAfterMs },
  );
}

/** An error of a stream as its causes have it, for a client that sees no stream. */
export function withoutStream(error: BusError): BusError {
  const { cause } = error;
  if (error.reason !== 'STREAM_HALTED' || !(cause instanceof BusError)) return error;
  const seen = withoutStream(cause);
  const reason = seen.reason === 'STORE_OUTCOME_UNKNOWN' ? 'LOG_UNAVAILABLE' : seen.reason;
  return new BusError(reason, `not stored, as it comes behind an event that failed: ${seen.message}`, { cause });
}
