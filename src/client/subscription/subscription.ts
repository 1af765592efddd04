import { type Assignment, type End, EndReason, type TopicPartitions } from '../../gen/mainstem/v1/subscribe_pb.js';
import { backoffMs, pause } from '../backoff.js';
import { MainstemError } from '../errors.js';
import { resumingFrames } from '../frames.js';
import { ReceivedEvent } from '../received-event.js';
import type { SubscribeInput } from '../subscribe.js';
import type { EventBatch, ParkReason, Subscription, SubscriptionCalls, SubscriptionOptions } from './api.js';
import { createCommits } from './commits.js';
import { type BatchInHand, createInHand, type Owner } from './in-hand.js';
import { ParkedKeys } from './parked-keys.js';
import { createStatusBoard } from './status.js';

/** How long the end of a subscription waits for its last commit. */
const lastCommitMs = 10_000;
/** The same between two streams: the server that broke the first one may be the one to commit at. */
const commitBetweenMs = 1_000;
const heldReason = 'held back: an earlier event of its key was parked from the same frame (parkKeySequence)';
/** How often what is processed is committed while one batch takes long: a crash repeats little, and the server sees that the consumer lives. */
const commitWithinMs = 500;
/** How often setting positions is tried while the server cannot do it. */
const mostAttempts = 10;

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
  let streamId = '';
  let assignments = 0;
  const inHand = createInHand();
  const parkedKeys = new ParkedKeys();
  /** The batch that the loop handles, and whose it is. */
  let batchInHand: BatchInHand | undefined;
  let batchOwner: Owner | undefined;
  let lastCommitAt = 0;
  /** What the caller's own `positions` has thrown: it is thrown as it is. */
  let callbackFailure: { readonly error: unknown } | undefined;
  let failure: MainstemError | undefined;
  let onEnd: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    onEnd = resolve;
  });

  const commits = createCommits({
    firstMs: options.firstMs,
    longestMs: options.longestMs,
    send: ({ cursor, positions, generation: owner }) =>
      calls.commit({ subscriber: subscriber ?? '', cursor, positions, generation: owner }, { timeoutMs: lastCommitMs }),
    onCommitted(cursor) {
      inHand.committed(cursor);
      if (cursor !== '') board.tell({ kind: 'committed', cursor });
    },
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

  /** Says where the store is, for a stream that waits for it. */
  async function position(): Promise<void> {
    if (subscriber === undefined || options.positions === undefined || generation === undefined) return;
    const partitions = assigned.flatMap(({ topic, incarnation, partitions: numbers }) =>
      numbers.map((partition) => ({ topic, incarnation, partition })),
    );
    const of = { subscriber, streamId, generation };
    const positions = await options.positions({ generation, partitions }).catch((error: unknown) => {
      callbackFailure = { error };
      throw error;
    });
    for (let attempt = 0; positions.length > 0 && !over.signal.aborted; attempt++) {
      try {
        return void (await calls.setPositions({ ...of, positions }));
      } catch (thrown) {
        const error = MainstemError.from(thrown);
        // Another assignment is on its way, and asks again.
        if (error.reason === 'FENCED') return;
        if (!error.retryable || attempt >= mostAttempts) throw error;
        await pause(Math.max(error.retryDelayMs ?? 0, backoffMs(attempt, options)), over.signal);
      }
    }
  }

  function ownedGeneration(): bigint {
    if (generation !== undefined) return generation;
    const message = 'the stream owns no partition any more: the events come again to the one that does';
    throw new MainstemError({ code: 'failed_precondition', reason: 'FENCED', message });
  }

  /** The position after what the caller has processed, or what needed no processing. */
  function processed(cursor: string): void {
    const owner = currentOwner();
    if (!owner || !inHand.moveTo(cursor, owner)) return;
    lastCommitAt = performance.now();
    if (autoCommit) commits.processed({ cursor, ...owner });
  }

  function currentOwner(): Owner | undefined {
    return generation === undefined ? undefined : { generation, assignment: assignments };
  }

  /** So many events of the batch in hand are processed, and perhaps the batch is never finished. */
  function processedWithin(events: number): void {
    const position = inHand.position(batchInHand, events, batchOwner);
    lastCommitAt = performance.now();
    if (position && autoCommit) commits.processed(position);
  }

  async function* run(): AsyncGenerator<BatchInHand, undefined, undefined> {
    const request = options.positions === undefined ? input : { ...input, positionsFrom: 'client' as const };
    const frames = resumingFrames(calls.frames, request, {
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
          ({ streamId } = frame.value);
          board.tell({ kind: 'connected', streamId });
          assign(frame.value.assignment);
          await position();
          break;
        case 'assignment':
          assign(frame.value);
          await position();
          break;
        case 'gap':
          board.tell({ kind: 'gap', gap: frame.value });
          processed(frame.value.cursor);
          break;
        case 'heartbeat':
          board.tell({
            kind: 'heartbeat',
            partitions: frame.value.partitions,
            filterErrors: frame.value.filterErrors,
          });
          // The position moves also where there is nothing to see, past what a producer aborted, say.
          processed(frame.value.cursor);
          break;
        case 'events': {
          const { topic, incarnation, records, cursor } = frame.value;
          const events = records.map((record) => new ReceivedEvent(topic, record, incarnation));
          const batch: BatchInHand = { topic, incarnation, events, cursor, generation, given: 0, processed: 0 };
          batchInHand = batch;
          batchOwner = currentOwner();
          try {
            yield batch;
            batchInHand = undefined;
          } finally {
            // The loop was left: the event in hand may have failed. The stream still owns its partitions: the last moment for a commit.
            if (batchInHand === batch) {
              processedWithin(batch.processed);
              await commits.flush(lastCommitMs);
            }
          }
          if (batchOwner !== undefined) processed(cursor);
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

  async function* batches(): AsyncGenerator<BatchInHand, undefined, undefined> {
    if (begun) throw new TypeError('a subscription is iterated once: subscribe again for another one');
    begun = true;
    try {
      yield* run();
      if (failure) throw failure;
    } catch (thrown) {
      failure ??= MainstemError.from(thrown);
      if (callbackFailure) throw callbackFailure.error;
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
  async function* marked(): AsyncGenerator<BatchInHand, undefined, undefined> {
    for await (const batch of batches()) {
      handling = true;
      yield batch;
      handling = false;
    }
  }

  async function* events(): AsyncGenerator<ReceivedEvent, undefined, undefined> {
    for await (const batch of marked()) {
      parkedKeys.clear();
      for (const event of batch.events) {
        batch.processed = batch.given;
        const isLate = autoCommit && batch.processed > 0 && performance.now() - lastCommitAt > commitWithinMs;
        if (isLate) processedWithin(batch.processed);
        batch.given++;
        if (parkedKeys.has(event)) await park(event, { reason: heldReason, attempts: 0 });
        else yield event;
      }
    }
  }

  async function* wholeBatches(): AsyncGenerator<EventBatch, undefined, undefined> {
    for await (const batch of marked()) {
      batch.given = batch.events.length;
      yield batch;
    }
  }

  async function park(event: ReceivedEvent, { reason, attempts = 1 }: ParkReason): Promise<void> {
    if (subscriber === undefined) throw new TypeError('only a subscription with a subscriber parks events');
    const { topic, partition, offset } = event;
    await calls.park({ subscriber, topic, partition, offset, generation: ownedGeneration(), reason, attempts });
    if (input.parkKeySequence) parkedKeys.add(event);
  }

  const stopSoon = () => void stop();
  options.signal?.addEventListener('abort', stopSoon, { once: true });
  if (options.signal?.aborted) stopSoon();

  return {
    batches: wholeBatches,
    [Symbol.asyncIterator]: events,
    status: board.read,
    get assignment() {
      return assigned;
    },
    async commit(upTo) {
      if (subscriber === undefined) throw new TypeError('only a subscription with a subscriber commits');
      if (typeof upTo === 'string') await calls.commit({ subscriber, cursor: upTo, generation: ownedGeneration() });
      else if (upTo) {
        await calls.commit({ subscriber, positions: [upTo.next], generation: ownedGeneration() });
      } else {
        const batch = batchInHand;
        if (batch) batch.processed = batch.given;
        const position = inHand.position(batch, batch?.given ?? 0, batchOwner);
        if (!position) return;
        await calls.commit({ subscriber, ...position });
        inHand.committed(position.cursor);
      }
    },
    park,
    async keepAlive() {
      if (subscriber === undefined) throw new TypeError('only a subscription with a subscriber has partitions to keep');
      await calls.keepAlive({ subscriber, streamId, generation: ownedGeneration() });
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
