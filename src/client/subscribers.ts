import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type Client, createClient } from '@connectrpc/connect';
import { StartPosition } from '../gen/mainstem/v1/subscribe_pb.js';
import {
  type GetParkedResponse,
  type GetSubscriberResponse,
  type ListParkedResponse,
  type ParkRecordResponse,
  type RecordPositionSchema,
  type ResetSubscriberRequestSchema,
  type ResetSubscriberResponse,
  type Subscriber,
  SubscriberService,
} from '../gen/mainstem/v1/subscriber_pb.js';
import type { CallOptions, Calls } from './calls.js';

/** A place in a topic: what names a parked record. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** Where a reset moves a subscriber: a fixed place, a cursor, the first record stored at a time or later, or (seek) an offset. */
export type ResetTo =
  | 'earliest'
  | 'latest'
  | { readonly cursor: string }
  | { readonly time: Date }
  | { readonly offset: bigint };

export interface ResetInput {
  readonly subscriber: string;
  /** Default: all topics that it has positions in. */
  readonly topic?: string | undefined;
  /** Default: all. Needs `topic`. */
  readonly partitions?: readonly number[] | undefined;
  readonly to: ResetTo;
  /** Only tell what would be done. */
  readonly dryRun?: boolean | undefined;
  /** Also while streams are connected: they are fenced. Else SUBSCRIBER_ACTIVE. */
  readonly force?: boolean | undefined;
}

/** Some parked records by their positions, up to 1,000, or all. */
export type WhichParked = { readonly positions: readonly Position[] } | { readonly all: true };

/** Operates durable subscribers. SUBSCRIBER_NOT_FOUND where there is none of the name. */
export interface SubscriberCalls {
  list(options?: CallOptions): Promise<Subscriber[]>;
  get(subscriber: string, options?: CallOptions): Promise<GetSubscriberResponse>;
  reset(input: ResetInput, options?: CallOptions): Promise<ResetSubscriberResponse>;
  delete(input: { readonly subscriber: string; readonly force?: boolean }, options?: CallOptions): Promise<void>;
  /** Parks a record for the stream that owns its partition; `Subscription.park` knows the generation. */
  park(
    input: Position & {
      readonly subscriber: string;
      readonly generation: bigint;
      readonly reason: string;
      readonly attempts: number;
    },
    options?: CallOptions,
  ): Promise<ParkRecordResponse>;
  /** Oldest first; `limit` 1 to 1,000, default 100. */
  listParked(
    input: { readonly subscriber: string; readonly limit?: number; readonly after?: Position },
    options?: CallOptions,
  ): Promise<ListParkedResponse>;
  getParked(
    input: { readonly subscriber: string; readonly position: Position },
    options?: CallOptions,
  ): Promise<GetParkedResponse>;
  /** Sends parked records to their subscriber again; resolves with how many. */
  redrive(input: { readonly subscriber: string } & WhichParked, options?: CallOptions): Promise<bigint>;
  /** Gives parked records up; resolves with how many. */
  discard(input: { readonly subscriber: string } & WhichParked, options?: CallOptions): Promise<bigint>;
}

export function subscriberCalls(calls: Calls): SubscriberCalls {
  const service: Client<typeof SubscriberService> = createClient(SubscriberService, calls.transport);
  return {
    list: (options) =>
      calls.unary(options, async (connect) => (await service.listSubscribers({}, connect)).subscribers),
    get: (subscriber, options) => calls.unary(options, (connect) => service.getSubscriber({ subscriber }, connect)),
    reset: ({ subscriber, topic = '', partitions = [], to, dryRun = false, force = false }, options) =>
      calls.unary(options, (connect) =>
        service.resetSubscriber(
          { subscriber, topic, partitions: [...partitions], to: toReset(to), dryRun, force },
          connect,
        ),
      ),
    delete: ({ subscriber, force = false }, options) =>
      calls.unary(options, async (connect) => {
        await service.deleteSubscriber({ subscriber, force }, connect);
      }),
    park: ({ subscriber, generation, reason, attempts, ...record }, options) =>
      calls.unary(options, (connect) =>
        service.parkRecord({ subscriber, record: toPosition(record), reason, attempts, generation }, connect),
      ),
    listParked: ({ subscriber, limit, after }, options) =>
      calls.unary(options, (connect) =>
        service.listParked(
          {
            subscriber,
            ...(limit === undefined ? {} : { limit }),
            ...(after === undefined ? {} : { after: toPosition(after) }),
          },
          connect,
        ),
      ),
    getParked: ({ subscriber, position }, options) =>
      calls.unary(options, (connect) => service.getParked({ subscriber, position: toPosition(position) }, connect)),
    redrive: ({ subscriber, ...which }, options) =>
      calls.unary(
        options,
        async (connect) => (await service.redriveParked({ subscriber, ...toWhich(which) }, connect)).redriven,
      ),
    discard: ({ subscriber, ...which }, options) =>
      calls.unary(
        options,
        async (connect) => (await service.discardParked({ subscriber, ...toWhich(which) }, connect)).discarded,
      ),
  };
}

function toReset(to: ResetTo): NonNullable<MessageInitShape<typeof ResetSubscriberRequestSchema>['to']> {
  if (to === 'earliest') return { case: 'position', value: StartPosition.EARLIEST };
  if (to === 'latest') return { case: 'position', value: StartPosition.LATEST };
  if ('cursor' in to) return { case: 'cursor', value: to.cursor };
  if ('time' in to) return { case: 'time', value: timestampFromMs(to.time.getTime()) };
  return { case: 'offset', value: to.offset };
}

function toPosition({ topic, partition, offset }: Position): MessageInitShape<typeof RecordPositionSchema> {
  return { topic, partition, offset };
}

function toWhich(which: WhichParked) {
  return 'all' in which ? { all: true } : { positions: which.positions.map(toPosition) };
}
