import { type BackoffOptions, backoffMs, pause } from '../backoff.js';
import { MainstemError } from '../errors.js';
import type { StreamPosition } from '../subscribe.js';

/** A position up to which everything is processed. */
export interface Processed {
  /** Empty where only the positions are to be committed. */
  readonly cursor: string;
  /** Positions beyond the cursor, which lie inside of a batch. */
  readonly positions?: readonly StreamPosition[];
  /** That of the stream's assignment. */
  readonly generation: bigint;
  /** Counts the assignments that the stream has been told: after each, cursors may cover other partitions, with the same generation even. */
  readonly assignment: number;
}

export interface CommitsOptions extends BackoffOptions {
  send(position: Processed): Promise<unknown>;
  onCommitted?(cursor: string): void;
  /** FENCED or SUBSCRIBER_NOT_FOUND, after which the position is dropped; or what will be tried again. */
  onTrouble?(error: MainstemError): void;
  /** What trying again cannot cure, other than FENCED. */
  onFailure?(error: MainstemError): void;
}

/** Commits positions one after the other while its owner goes on: of those of one assignment that wait only the latest is sent. */
export interface Commits {
  /** Everything before this cursor is processed. Never waits, never throws. */
  processed(position: Processed): void;
  /** Resolves when nothing waits any more: true if all is committed, or fenced; false if `limitMs` has passed, or the last attempt failed for good. */
  flush(limitMs: number): Promise<boolean>;
}

export function createCommits(options: CommitsOptions): Commits {
  /** Positions of different assignments cover different partitions: one does not stand for the other. */
  let waiting: Processed[] = [];
  let running: Promise<void> | undefined;
  let failed = false;
  /** Ends a wait between two attempts. */
  let hurry = new AbortController();

  async function run(): Promise<void> {
    for (let attempt = 0; waiting[0] !== undefined && !failed; ) {
      const position = waiting[0];
      try {
        await options.send(position);
        attempt = 0;
        settle(position);
        options.onCommitted?.(position.cursor);
      } catch (thrown) {
        const error = MainstemError.from(thrown);
        if (isOver(error)) {
          settle(position);
          options.onTrouble?.(error);
        } else if (error.retryable || error.reason === 'DEADLINE_EXCEEDED') {
          options.onTrouble?.(error);
          await pause(Math.max(error.retryDelayMs ?? 0, backoffMs(attempt++, options)), hurry.signal);
        } else {
          failed = true;
          options.onFailure?.(error);
        }
      }
    }
    running = undefined;
  }

  /** It may have been replaced by a later one meanwhile, which still has to be sent. */
  function settle(position: Processed): void {
    if (waiting[0] === position) waiting.shift();
  }

  return {
    processed(position) {
      const last = waiting.at(-1);
      if (last?.assignment === position.assignment) waiting[waiting.length - 1] = position;
      else waiting.push(position);
      // A server that is away for long must not make the list grow: what is left out comes again at the worst.
      if (waiting.length > 100) waiting = waiting.slice(-100);
      running ??= run();
    },
    async flush(limitMs) {
      hurry.abort();
      hurry = new AbortController();
      const late = new AbortController();
      await Promise.race([running, pause(limitMs, late.signal)]);
      late.abort();
      return running === undefined && !failed;
    },
  };
}

/** Another stream has taken over, or an operator has deleted the subscriber: the position means nothing any more. */
function isOver({ reason }: MainstemError): boolean {
  return reason === 'FENCED' || reason === 'SUBSCRIBER_NOT_FOUND';
}
