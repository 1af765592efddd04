import { create } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type Client, createClient } from '@connectrpc/connect';
import {
  type CommittedPosition,
  OnExpired,
  StartPosition,
  type SubscribeRequest,
  SubscribeRequestSchema,
  type SubscribeResponse,
  SubscribeService,
} from '../gen/mainstem/v1/subscribe_pb.js';
import { type CallOptions, type Calls, guardStream } from './calls.js';

/** Where a stream starts: a fixed place, a cursor, or the first record stored at a time or later. */
export type StartFrom = 'earliest' | 'latest' | { readonly cursor: string } | { readonly time: Date };

export interface SubscribeInput {
  readonly topic: string;
  /** A durable subscriber: starts at its committed position. Without one nothing is remembered. */
  readonly subscriber?: string | undefined;
  /** Default: `earliest` for a new subscriber, `latest` without one. Ignored where a position is committed. */
  readonly from?: StartFrom | undefined;
  /** What happens if retention has removed what a cursor asks for. Default `fail`, with CURSOR_EXPIRED. */
  readonly onExpired?: 'fail' | 'skip' | undefined;
  /** Default true. False: the stream ends once everything that was there at the start has come. */
  readonly follow?: boolean | undefined;
  /** End after so many records; at least 1. */
  readonly limit?: number | undefined;
  /** The longest silence in milliseconds: 1,000 to 60,000, default 10,000. */
  readonly heartbeatMs?: number | undefined;
}

/** One frame of a stream: `case` is `ready`, `events`, `heartbeat`, `gap`, `assignment` or `end`. */
export type Frame = Exclude<SubscribeResponse['frame'], { case: undefined }>;

export interface SubscribeCalls {
  /**
   * Streams a topic; the first frame is `ready`. Records come in order within their partition, each at least once; the `cursor` of a frame is
   * the position after it. Pulling is the back-pressure; leaving the loop ends the stream. It does not reconnect: after an `end` with reason
   * SHUTTING_DOWN, or a retryable error, call again with the last cursor.
   */
  subscribe(input: SubscribeInput, options?: CallOptions): AsyncIterable<Frame>;
  /** Commits a cursor, durably: what lies before it will not be sent again. `generation` is that of the stream's assignment; FENCED if it is over. */
  commit(
    input: { readonly subscriber: string; readonly cursor: string; readonly generation: bigint },
    options?: CallOptions,
  ): Promise<CommittedPosition[]>;
}

export function subscribeCalls(calls: Calls): SubscribeCalls {
  const service: Client<typeof SubscribeService> = createClient(SubscribeService, calls.transport);
  return {
    subscribe: (input, options) =>
      guardStream(calls, options, (connect) => frames(service.subscribe(toRequest(input), connect))),
    commit: (input, options) =>
      calls.unary(options, async (connect) => (await service.commit(input, connect)).positions),
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
    topic: input.topic,
    subscriber: input.subscriber ?? '',
    from: toFrom(input.from),
    onExpired: input.onExpired === 'skip' ? OnExpired.SKIP : OnExpired.FAIL,
    ...(input.follow === undefined ? {} : { follow: input.follow }),
    ...(input.limit === undefined ? {} : { limit: BigInt(input.limit) }),
    ...(input.heartbeatMs === undefined ? {} : { heartbeatInterval: durationFromMs(input.heartbeatMs) }),
  });
}

function toFrom(from: StartFrom | undefined): SubscribeRequest['from'] {
  if (from === undefined) return { case: undefined };
  if (from === 'earliest') return { case: 'position', value: StartPosition.EARLIEST };
  if (from === 'latest') return { case: 'position', value: StartPosition.LATEST };
  if ('cursor' in from) return { case: 'cursor', value: from.cursor };
  return { case: 'time', value: timestampFromMs(from.time.getTime()) };
}
