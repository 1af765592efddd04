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

/** Why what was queued behind a failure is not stored. */
export function failedBefore(partition: number, cause: BusError): BusError {
  return new BusError(
    'STREAM_HALTED',
    `not stored: an earlier event for partition ${partition} failed (${cause.reason})`,
    { cause, retryAfterMs: cause.retryAfterMs ?? 1000 },
  );
}
