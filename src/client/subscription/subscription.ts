import {
  type Assignment,
  type CommittedPosition,
  type End,
  EndReason,
  type TopicPartitions,
} from '../../gen/mainstem/v1/subscribe_pb.js';
import type { BackoffOptions } from '../backoff.js';
import type { CallOptions } from '../calls.js';
import { MainstemError } from '../errors.js';
import { resumingFrames } from '../frames.js';
import { ReceivedEvent } from '../received-event.js';
import type { Frame, SubscribeInput } from '../subscribe.js';
import { createCommits, type Processed } from './commits.js';
import { createStatusBoard, type SubscriptionStatus } from './status.js';

export interface SubscriptionOptions extends BackoffOptions {
  /** Ends the subscription as `stop` does. */
  readonly signal?: AbortSignal | undefined;
  /** Default true: connects again, for as long as it takes, when the server stops or the connection breaks. */
  readonly reconnect?: boolean | undefined;
  /** How long a first connection is tried in vain before its error is thrown. Milliseconds, default 30,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Default true: of a subscriber, each batch is committed once it is processed. False: by `commit`. */
  readonly autoCommit?: boolean | undefined;
}

/** Events that came together, and the position after them. */
export interface EventBatch {
  readonly topic: string;
  readonly events: readonly ReceivedEvent[];
  /** The position after them in all partitions of the stream: for stores that keep it together with what they make of the events. */
  readonly cursor: string;
}

/**
 * A running subscription: iterate it, once, for events or by `batches`. An event counts as processed when the next one is asked for. Each
 * event comes at least once, in order within its partition. The iteration ends by `stop`, by leaving the loop, or when `limit` or `follow: false` end
 * the stream; it throws a MainstemError that trying again does not cure.
 */
export interface Subscription extends AsyncIterable<ReceivedEvent> {
  /** The same by batches, as they came: each one counts as processed when the next one is asked for. */
  batches(): AsyncIterableIterator<EventBatch>;
  /**
   * What happens beside the events: connections, assignments, gaps, commits, heartbeats. Any number of readers; one that does not read misses the
   * oldest beyond 256, and is told so.
   */
  status(): AsyncIterableIterator<SubscriptionStatus>;
  /** What the stream serves now. */
  readonly assignment: readonly TopicPartitions[];
  /**
   * Commits up to a batch's cursor, or without one all that is processed; resolves when it is durable. Needed only without `autoCommit`.
   * FENCED if another stream has taken over.
   */
  commit(cursor?: string): Promise<void>;
  /**
   * Puts an event that cannot be handled aside, into the subscriber's parked events, and commits past it: call it instead of processing the event,
   * before the next one is asked for. FENCED if another stream has taken over.
   */
  park(event: ReceivedEvent, why: { readonly reason: string; readonly attempts?: number }): Promise<void>;
  /**
   * Ends it in good order: the rest of the batch that is being processed is still handed out, and committed. Resolves when the last commit is
   * durable, and so after the loop has ended: inside of the loop call it without waiting for it.
   */
  stop(): Promise<void>;
}

/** What a subscription needs of its client. */
export interface SubscriptionCalls {
  frames(input: SubscribeInput, options?: CallOptions): AsyncIterable<Frame>;
  commit(
    input: { readonly subscriber: string; readonly cursor: string; readonly generation: bigint },
    options?: CallOptions,
  ): Promise<CommittedPosition[]>;
  park(input: {
    readonly subscriber: string;
    readonly topic: string;
    readonly partition: number;
    readonly offset: bigint;
    readonly generation: bigint;
    readonly reason: string;
    readonly attempts: number;
  }): Promise<unknown>;
}

/** How long the end of a subscription waits for its last commit. */
const lastCommitMs = 10_000;
/** The same between two streams: the server that broke the first one may be the one to commit at. */
const commitBetweenMs = 1_000;

export function createSubscription(
  calls: SubscriptionCalls,
  input: SubscribeInput,
  options: SubscriptionOptions = {},
): Subscription {
  const { subscriber } = input;
  const autoCommit =
    subscriber !== undefined && (options.autoCommit ?? true) && (input.commitMode ?? 'explicit') === 'explicit';
  const board = createStatusBoard();
  /** Ends the stream at once. */
  const over = new AbortController();
  let stopping = false;
  let begun = false;
  let assigned: readonly TopicPartitions[] = [];
  let generation: bigint | undefined;
  let assignments = 0;
  let processedUpTo: Processed | undefined;
  let failure: MainstemError | undefined;
  let onEnd: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    onEnd = resolve;
  });

  const commits = createCommits({
    firstMs: options.firstMs,
    longestMs: options.longestMs,
    send: ({ cursor, generation: owner }) =>
      calls.commit({ subscriber: subscriber ?? '', cursor, generation: owner }, { timeoutMs: lastCommitMs }),
    onCommitted: (cursor) => board.tell({ kind: 'committed', cursor }),
    onTrouble: (error) => board.tell({ kind: 'not_committed', error }),
    onFailure: (error) => {
      failure ??= error;
      board.tell({ kind: 'not_committed', error });
      over.abort();
    },
  });

  function assign(assignment: Assignment | undefined): void {
    assignments++;
    generation = assignment?.generation;
    assigned = assignment?.topics ?? [];
    if (assignment) board.tell({ kind: 'assigned', topics: assigned, waiting: assignment.waiting });
  }

  function ownedGeneration(): bigint {
    if (generation !== undefined) return generation;
    const message = 'the stream owns no partition any more: the events come again to the one that does';
    throw new MainstemError({ code: 'failed_precondition', reason: 'FENCED', message });
  }

  /** The position after what the caller has processed, or what needed no processing. */
  function processed(cursor: string): void {
    if (generation === undefined || cursor === '' || cursor === processedUpTo?.cursor) return;
    processedUpTo = { cursor, generation, assignment: assignments };
    if (autoCommit) commits.processed(processedUpTo);
  }

  async function* run(): AsyncGenerator<EventBatch, undefined, undefined> {
    const frames = resumingFrames(calls.frames, input, {
      ...options,
      signal: over.signal,
      patienceMs: options.connectTimeoutMs ?? 30_000,
      onDisconnect(error, waitMs) {
        assign(undefined);
        board.tell({ kind: 'disconnected', error, waitMs });
      },
      // What is processed is committed before the next stream begins, which would otherwise begin before it.
      beforeReconnect: async () => {
        await commits.flush(commitBetweenMs);
      },
    });
    for await (const frame of frames) {
      switch (frame.case) {
        case 'ready':
          board.tell({ kind: 'connected', streamId: frame.value.streamId });
          assign(frame.value.assignment);
          break;
        case 'assignment':
          assign(frame.value);
          break;
        case 'gap':
          board.tell({ kind: 'gap', gap: frame.value });
          processed(frame.value.cursor);
          break;
        case 'heartbeat':
          board.tell({ kind: 'heartbeat', partitions: frame.value.partitions });
          // The position moves also where there is nothing to see, past what a producer aborted, say.
          processed(frame.value.cursor);
          break;
        case 'events': {
          const { topic, records, cursor } = frame.value;
          const owner = generation;
          let taken = false;
          try {
            yield { topic, events: records.map((record) => new ReceivedEvent(topic, record)), cursor };
            taken = true;
          } finally {
            // Whoever leaves here has not processed this batch. The stream still owns its partitions: the last moment for a commit.
            if (!taken) await commits.flush(lastCommitMs);
          }
          if (owner !== undefined) processed(cursor);
          break;
        }
        case 'end':
          // Behind the last event there may be others that a filter has passed over.
          processed(frame.value.cursor);
          if (frame.value.reason === EndReason.FILTER_TOO_COSTLY) throw tooCostly(frame.value);
          board.tell({ kind: 'finished', reason: frame.value.reason, message: frame.value.message });
          break;
      }
      if (stopping) break;
    }
    await commits.flush(lastCommitMs);
  }

  async function* batches(): AsyncGenerator<EventBatch, undefined, undefined> {
    if (begun) throw new TypeError('a subscription is iterated once: subscribe again for another one');
    begun = true;
    try {
      yield* run();
      if (failure) throw failure;
    } catch (thrown) {
      failure ??= MainstemError.from(thrown);
      throw thrown instanceof TypeError ? thrown : failure;
    } finally {
      over.abort();
      options.signal?.removeEventListener('abort', stopSoon);
      board.tell({ kind: 'ended', error: failure });
      onEnd();
    }
  }

  async function stop(): Promise<void> {
    stopping = true;
    await commits.flush(lastCommitMs);
    // Between two batches there is nothing to wait for; within one the loop goes on to its end.
    if (!handling) over.abort();
    if (begun) await ended;
  }

  let handling = false;
  async function* marked(): AsyncGenerator<EventBatch, undefined, undefined> {
    for await (const batch of batches()) {
      handling = true;
      yield batch;
      handling = false;
    }
  }

  async function* events(): AsyncGenerator<ReceivedEvent, undefined, undefined> {
    for await (const batch of marked()) yield* batch.events;
  }

  const stopSoon = () => void stop();
  options.signal?.addEventListener('abort', stopSoon, { once: true });
  if (options.signal?.aborted) stopSoon();

  return {
    batches: marked,
    [Symbol.asyncIterator]: events,
    status: board.read,
    get assignment() {
      return assigned;
    },
    async commit(cursor) {
      if (subscriber === undefined) throw new TypeError('only a subscription with a subscriber commits');
      if (cursor !== undefined) await calls.commit({ subscriber, cursor, generation: ownedGeneration() });
      else if (processedUpTo) {
        await calls.commit({ subscriber, cursor: processedUpTo.cursor, generation: processedUpTo.generation });
      }
    },
    async park(event, { reason, attempts = 1 }) {
      if (subscriber === undefined) throw new TypeError('only a subscription with a subscriber parks events');
      const { topic, partition, offset } = event;
      await calls.park({ subscriber, topic, partition, offset, generation: ownedGeneration(), reason, attempts });
    },
    stop,
  };
}

/** Events would be missing without a word. */
function tooCostly({ message, cursor }: End): MainstemError {
  return new MainstemError({
    code: 'resource_exhausted',
    reason: 'FILTER_TOO_COSTLY',
    message: `${message}; the cursor: ${cursor}`,
  });
}
