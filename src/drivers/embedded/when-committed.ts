import { BusError } from '../../core/errors.js';
import type { WriteFailure } from './write-failure.js';
import type { Mutation, WriteQueue } from './write-queue.js';

/** A write whose caller waits for a promise. */
export interface AwaitedWrite {
  readonly bytes: number;
  /** As `WriteOperation.plan`; what it throws rejects the promise, and nothing is written. */
  plan(): readonly Mutation[] | 'later';
  /** It is durable: the promise resolves afterwards. */
  committed(): void;
  /** It is not stored: undoes what `plan` did in memory. */
  failed?(): void;
  /** What the promise rejects with. Default: a BusError. */
  error?(failure: WriteFailure): Error;
}

/** Submits a write; resolves when it is durable. */
export function whenCommitted(queue: WriteQueue, write: AwaitedWrite): Promise<void> {
  const explain = (failure: WriteFailure) => write.error?.(failure) ?? logFailure(failure);
  return new Promise((resolve, reject) => {
    queue.submit({
      bytes: write.bytes,
      plan() {
        try {
          return write.plan();
        } catch (error) {
          reject(error);
          return 'refused';
        }
      },
      committed() {
        write.committed();
        resolve();
      },
      failed(failure) {
        write.failed?.();
        reject(explain(failure));
      },
      uncertain: (failure) => reject(explain(failure)),
    });
  });
}

/** A failure of a write other than an append, as a caller of the log sees it. */
function logFailure(failure: WriteFailure): BusError {
  const reason = failure.kind === 'full' ? 'STORAGE_FULL' : 'LOG_UNAVAILABLE';
  return new BusError(reason, failure.message, { cause: failure.cause });
}
