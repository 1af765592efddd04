import type { CommittedPosition, TopicPartitions } from '../../gen/mainstem/v1/subscribe_pb.js';
import type { BackoffOptions } from '../backoff.js';
import type { CallOptions } from '../calls.js';
import type { ReceivedEvent } from '../received-event.js';
import type {
  CommitInput,
  Frame,
  KeepAliveInput,
  SetPositionsInput,
  StreamPosition,
  SubscribeInput,
} from '../subscribe.js';
import type { SubscriptionStatus } from './status.js';

export interface SubscriptionOptions extends BackoffOptions {
  /** Ends the subscription as `stop` does. */
  readonly signal?: AbortSignal | undefined;
  /** Default true: connects again, for as long as it takes, when the server stops or the connection breaks. */
  readonly reconnect?: boolean | undefined;
  /** How long a first connection is tried in vain before its error is thrown. Milliseconds, default 30,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Default true: of a subscriber, everything is committed once it is processed. False: by `commit` alone. */
  readonly autoCommit?: boolean | undefined;
  /**
   * Of a subscriber: where the store is, asked after each assignment, in place of the committed positions. It has 30 s to answer, with a position for
   * each partition; 0n begins at the first event of the topic's life. Partitions that the stream has kept keep their place, whatever it says of them.
   * What it throws ends the loop, and so does a position that is refused: CURSOR_STALE_TOPIC, CURSOR_EXPIRED, CURSOR_AHEAD.
   */
  readonly positions?: ((assigned: AssignedPartitions) => Promise<readonly StreamPosition[]>) | undefined;
}

/** What a stream owns, for the store that says where each partition goes on. */
export interface AssignedPartitions {
  /** Grows with each new ownership of a partition: a store that writes it down with the positions can refuse what a former owner still writes. */
  readonly generation: bigint;
  readonly partitions: readonly Omit<StreamPosition, 'nextOffset'>[];
}

/** Events that came together, and the position after them. */
export interface EventBatch {
  readonly topic: string;
  /** The life of the topic: a topic that was deleted and created again has another one. Empty where the server is older than the client. */
  readonly incarnation: string;
  readonly events: readonly ReceivedEvent[];
  /** The position after them in all partitions of the stream: for stores that keep it together with what they make of the events. */
  readonly cursor: string;
  /** Under which the stream owns the partitions: a store can refuse what a former owner writes. Undefined without a subscriber. */
  readonly generation: bigint | undefined;
}

/**
 * A running subscription: iterate it, once, for events or by `batches`. Each event comes at least once, in order within its partition. The
 * iteration ends by `stop`, by leaving the loop, or when `limit` or `follow: false` end the stream; it throws a MainstemError that trying again
 * does not cure.
 *
 * An event counts as processed when the loop asks for the next one, or when the body of the loop calls `commit()`. JavaScript does not tell an
 * iterable why its loop was left, so `break`, `return` and `throw` are the same: all events before the one in hand are committed, and the one in hand
 * comes again. If it is done, say so before you leave:
 *
 *     for await (const event of subscription) {
 *       await store(event);
 *       if (enough()) {
 *         await subscription.commit();
 *         break;
 *       }
 *     }
 */
export interface Subscription extends AsyncIterable<ReceivedEvent> {
  /** The same by batches, as they came: each one counts as processed when the next one is asked for, or when the loop's body calls `commit()`. */
  batches(): AsyncIterableIterator<EventBatch>;
  /**
   * What happens beside the events: connections, assignments, gaps, commits, heartbeats. Any number of readers; one that does not read misses the
   * oldest beyond 256, and is told so.
   */
  status(): AsyncIterableIterator<SubscriptionStatus>;
  /** What the stream serves now. */
  readonly assignment: readonly TopicPartitions[];
  /**
   * Commits, and resolves when that is durable. Without an argument: everything that was handed out, with the event or the batch in hand, so
   * call it in the loop, after the event has been dealt with. With an event: everything in its partition up to it and with it, from wherever it is
   * called. With a cursor: everything up to it. FENCED if another stream has taken over.
   */
  commit(upTo?: string | ReceivedEvent): Promise<void>;
  /**
   * Puts an event that cannot be handled aside, into the subscriber's parked events, and commits past it: call it instead of processing the event,
   * before the next one is asked for. FENCED if another stream has taken over.
   */
  park(event: ReceivedEvent, why: ParkReason): Promise<void>;
  /**
   * Says that this consumer lives though it commits nothing: call it every minute or so while your store is down, and `commitTimeoutMs` begins anew.
   * FENCED if another stream has taken over.
   */
  keepAlive(): Promise<void>;
  /**
   * Ends it in good order: the rest of the batch that is being processed is still handed out, and committed. Resolves when the last commit is
   * durable, and so after the loop has ended: inside of the loop call it without waiting for it.
   */
  stop(): Promise<void>;
}

export interface ParkReason {
  /** In words, for the operator who looks at it; at most 4 KiB. */
  readonly reason: string;
  /** How often it was tried; default 1. */
  readonly attempts?: number | undefined;
}

/** What a subscription needs of its client. */
export interface SubscriptionCalls {
  frames(input: SubscribeInput, options?: CallOptions): AsyncIterable<Frame>;
  commit(input: CommitInput, options?: CallOptions): Promise<CommittedPosition[]>;
  keepAlive(input: KeepAliveInput): Promise<void>;
  setPositions(input: SetPositionsInput): Promise<void>;
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
