import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type Client, createClient } from '@connectrpc/connect';
import {
  CommitMode,
  type CommittedPosition,
  type CompareCursorsResponse,
  OffsetStartsSchema,
  OnExpired,
  PositionSource,
  StartPosition,
  type SubscribeRequest,
  SubscribeRequestSchema,
  type SubscribeResponse,
  SubscribeService,
} from '../gen/mainstem/v1/subscribe_pb.js';
import { type CallOptions, type Calls, guardStream } from './calls.js';

/** A place in topics: a fixed one, a cursor, or the first record stored at a time or later. */
export type Place = 'earliest' | 'latest' | { readonly cursor: string } | { readonly time: Date };

/** Where a stream starts. Offsets are those of one topic, as publishing answers them; a partition that is not named starts at its beginning. */
export type StartFrom =
  | Place
  | { readonly offsets: readonly { readonly partition: number; readonly offset: bigint | number }[] };

/** What to stream: one topic, several (up to 100), or all whose names match a pattern such as `orders.*`. */
export type TopicChoice =
  | { readonly topic: string; readonly topics?: undefined; readonly pattern?: undefined }
  | { readonly topics: readonly string[]; readonly topic?: undefined; readonly pattern?: undefined }
  | { readonly pattern: string; readonly topic?: undefined; readonly topics?: undefined };

export interface StreamOptions {
  /**
   * A durable subscriber: starts at its committed positions, and shares the partitions with the other streams of that name. Without one
   * nothing is remembered.
   */
  readonly subscriber?: string | undefined;
  /** Default: `earliest` for a new subscriber, `latest` without one. Ignored where a position is committed. */
  readonly from?: StartFrom | undefined;
  /** Only these partitions of one topic, without a subscriber. Default: all, and those that are added later. */
  readonly partitions?: readonly number[] | undefined;
  /** What happens if retention has removed what a cursor asks for. Default `fail`, with CURSOR_EXPIRED. */
  readonly onExpired?: 'fail' | 'skip' | undefined;
  /** Default true. False: the stream ends once everything that was there at the start has come. */
  readonly follow?: boolean | undefined;
  /** End after so many records; at least 1. */
  readonly limit?: number | undefined;
  /** The longest silence in milliseconds: 1,000 to 60,000, default 10,000. */
  readonly heartbeatMs?: number | undefined;
  /** Of a subscriber: sending stops while so many records, or bytes, are sent and uncommitted. At least 1; default: no bound. */
  readonly maxUncommitted?: number | undefined;
  readonly maxUncommittedBytes?: number | undefined;
  /**
   * Of a subscriber: milliseconds, 1,000 to 3,600,000, default 300,000; 0: none. Without a sign of life for so long (a commit, a park, reading,
   * `keepAlive`) it loses its partitions if others wait for some.
   */
  readonly commitTimeoutMs?: number | undefined;
  /** Of a subscriber: who commits. Default `explicit`: by `commit`. */
  readonly commitMode?: 'explicit' | 'on_delivery' | 'before_delivery' | undefined;
  /**
   * Of a subscriber: who says where partitions begin. Default `server`: the committed positions. `client`: nothing of a partition comes before
   * `setPositions`. `SubscriptionOptions.positions` does all that.
   */
  readonly positionsFrom?: 'server' | 'client' | undefined;
  /**
   * Of a subscriber that commits each batch: events that were sent this often without a commit are sent one at a time, and the one that fails
   * again is parked. 1 to 1,000; default: events are sent for ever.
   */
  readonly maxDeliveries?: number | undefined;
  /**
   * Of a subscriber that commits each batch: later events of a key are parked, too, while an earlier one of it is parked, or redriven and
   * not committed. `Subscription.park` then parks what the batch in hand has left of the key, if the loop takes single events.
   */
  readonly parkKeySequence?: boolean | undefined;
  /** The schema version of the topic that the reader understands. */
  readonly readerSchemaVersion?: number | undefined;
  /**
   * Where to end. A time: each partition at the first record stored then or later; where there is none when the time has passed, at the end that
   * there is then. Of a topic whose publishers give the times everything is read up to that end, without the later events. `latest`: the same as `follow: false`.
   */
  readonly until?: Place | undefined;
  /**
   * Only events for which this CEL expression is true come, as in `payload.age > 30 && key.startsWith('a')`. At most 4 KiB; FILTER_INVALID says where it is
   * wrong. One that takes too much ends the stream.
   */
  readonly filter?: string | undefined;
  /** JSON Pointers, as in `/customer/name`: only these parts of the payloads come, with their bytes unchanged. At most 100. */
  readonly fields?: readonly string[] | undefined;
  /** The share of events to get, above 0 and up to 1: chosen by position, the same ones each time. */
  readonly sample?: number | undefined;
}

export type SubscribeInput = TopicChoice & StreamOptions;

const commitModes = {
  explicit: CommitMode.EXPLICIT,
  on_delivery: CommitMode.ON_DELIVERY,
  before_delivery: CommitMode.BEFORE_DELIVERY,
} as const;

/** One frame of a stream: `case` is `ready`, `events`, `heartbeat`, `gap`, `assignment` or `end`. */
export type Frame = Exclude<SubscribeResponse['frame'], { case: undefined }>;

/** A position in one life of a topic: what `ReceivedEvent.next` says of an event, and what a store of offsets has. */
export interface StreamPosition {
  readonly topic: string;
  readonly incarnation: string;
  readonly partition: number;
  /** The offset of the first event that is not processed. */
  readonly nextOffset: bigint;
}

/** A cursor, positions, or both. */
export interface CommitInput {
  readonly subscriber: string;
  readonly cursor?: string | undefined;
  /** Up to 10,000. */
  readonly positions?: readonly StreamPosition[] | undefined;
  /** That of the stream's assignment. */
  readonly generation: bigint;
}

export interface SubscribeCalls {
  /**
   * One stream, frame by frame, for those who want to see all of it; `subscribe` is easier. The first frame is `ready`. Records come in order
   * within their partition, each at least once; the `cursor` of a frame is the position after it. Pulling is the back-pressure; leaving the
   * loop ends the stream. It does not reconnect: after an `end` with reason SHUTTING_DOWN, or a retryable error, call again with the last cursor.
   */
  frames(input: SubscribeInput, options?: CallOptions): AsyncIterable<Frame>;
  /** Commits a cursor or positions, durably: what lies before them will not be sent again. FENCED if the generation is over. */
  commit(input: CommitInput, options?: CallOptions): Promise<CommittedPosition[]>;
  /** Says that the consumer of a stream lives though it commits nothing; `Subscription.keepAlive` knows the stream. FENCED if the stream is over. */
  keepAlive(input: KeepAliveInput, options?: CallOptions): Promise<void>;
  /** How far two cursors are apart, by partition and in all. CURSOR_WRONG_TOPIC, CURSOR_STALE_TOPIC. */
  compareCursors(from: string, to: string, options?: CallOptions): Promise<CompareCursorsResponse>;
  /**
   * Says from where on a stream with `positionsFrom: 'client'` sends its partitions: all positions count, or none. FENCED if the stream does not own one of
   * them, CURSOR_STALE_TOPIC, CURSOR_EXPIRED, CURSOR_AHEAD.
   */
  setPositions(input: SetPositionsInput, options?: CallOptions): Promise<void>;
}

export interface SetPositionsInput extends KeepAliveInput {
  /** 1 to 10,000. */
  readonly positions: readonly StreamPosition[];
}

/** What names a stream of a subscriber. */
export interface KeepAliveInput {
  readonly subscriber: string;
  /** As `ready` says it. */
  readonly streamId: string;
  /** That of the stream's assignment. */
  readonly generation: bigint;
}

export function subscribeCalls(calls: Calls): SubscribeCalls {
  const service: Client<typeof SubscribeService> = createClient(SubscribeService, calls.transport);
  return {
    frames: (input, options) =>
      guardStream(calls, options, (connect) => frames(service.subscribe(toRequest(input), connect))),
    compareCursors: (from, to, options) =>
      calls.unary(options, (connect) => service.compareCursors({ from, to }, connect)),
    keepAlive: (input, options) =>
      calls.unary(options, async (connect) => {
        await service.keepAlive(input, connect);
      }),
    setPositions: ({ positions, ...stream }, options) =>
      calls.unary(options, async (connect) => {
        await service.setPositions({ ...stream, positions: [...positions] }, connect);
      }),
    commit: ({ subscriber, cursor = '', positions = [], generation }, options) =>
      calls.unary(options, async (connect) => {
        const request = { subscriber, cursor, positions: [...positions], generation };
        return (await service.commit(request, connect)).positions;
      }),
  };
}

async function* frames(responses: AsyncIterable<SubscribeResponse>): AsyncIterable<Frame> {
  for await (const { frame } of responses) {
    // A kind of frame that a newer server invented is passed over.
    if (frame.case !== undefined) yield frame;
  }
}

function toRequest(input: SubscribeInput): SubscribeRequest {
  return create(SubscribeRequestSchema, {
    topic: input.topic ?? '',
    topics: [...(input.topics ?? [])],
    topicPattern: input.pattern ?? '',
    partitions: [...(input.partitions ?? [])],
    subscriber: input.subscriber ?? '',
    from: toFrom(input.from),
    onExpired: input.onExpired === 'skip' ? OnExpired.SKIP : OnExpired.FAIL,
    ...(input.follow === undefined ? {} : { follow: input.follow }),
    ...(input.limit === undefined ? {} : { limit: BigInt(input.limit) }),
    ...(input.heartbeatMs === undefined ? {} : { heartbeatInterval: durationFromMs(input.heartbeatMs) }),
    ...(input.maxUncommitted === undefined ? {} : { maxUncommitted: BigInt(input.maxUncommitted) }),
    ...(input.maxUncommittedBytes === undefined ? {} : { maxUncommittedBytes: BigInt(input.maxUncommittedBytes) }),
    ...(input.commitTimeoutMs === undefined ? {} : { commitTimeout: durationFromMs(input.commitTimeoutMs) }),
    ...(input.maxDeliveries === undefined ? {} : { maxDeliveries: input.maxDeliveries }),
    parkKeySequence: input.parkKeySequence ?? false,
    ...(input.commitMode === undefined ? {} : { commitMode: commitModes[input.commitMode] }),
    positionsFrom: input.positionsFrom === 'client' ? PositionSource.CLIENT : PositionSource.UNSPECIFIED,
    ...(input.readerSchemaVersion === undefined ? {} : { readerSchemaVersion: input.readerSchemaVersion }),
    ...toUntil(input.until),
    filter: input.filter ?? '',
    fields: [...(input.fields ?? [])],
    ...(input.sample === undefined ? {} : { sample: input.sample }),
  });
}

function toFrom(from: StartFrom | undefined): SubscribeRequest['from'] {
  if (from === undefined) return { case: undefined };
  if (from === 'earliest') return { case: 'position', value: StartPosition.EARLIEST };
  if (from === 'latest') return { case: 'position', value: StartPosition.LATEST };
  if ('cursor' in from) return { case: 'cursor', value: from.cursor };
  if ('offsets' in from) {
    const offsets = from.offsets.map(({ partition, offset }) => ({ partition, offset: BigInt(offset) }));
    return { case: 'offsets', value: create(OffsetStartsSchema, { offsets }) };
  }
  return { case: 'time', value: timestampFromMs(from.time.getTime()) };
}

function toUntil(until: Place | undefined): MessageInitShape<typeof SubscribeRequestSchema> {
  if (until === undefined) return {};
  if (until === 'earliest') return { untilPosition: StartPosition.EARLIEST };
  if (until === 'latest') return { untilPosition: StartPosition.LATEST };
  if ('cursor' in until) return { untilCursor: until.cursor };
  return { until: timestampFromMs(until.time.getTime()) };
}
