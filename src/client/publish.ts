import { create } from '@bufbuild/protobuf';
import { type Client, createClient } from '@connectrpc/connect';
import {
  PublishMode,
  PublishRequestSchema,
  type PublishResult,
  PublishService,
  type PublishStreamRequest,
  PublishStreamRequestSchema,
  type PublishStreamResponse,
} from '../gen/mainstem/v1/publish_pb.js';
import { type CallOptions, type Calls, guardStream } from './calls.js';
import { asUnknownFields, type EncodedEvents } from './encoded-events.js';
import { type EventInput, toEvent } from './events.js';
import { publishAgain } from './publish-again.js';

const modes = {
  all_or_nothing: PublishMode.ALL_OR_NOTHING,
  independent: PublishMode.INDEPENDENT,
};

export interface PublishInput {
  readonly topic: string;
  /** 1 to 10,000 events, 8 MiB in all. */
  readonly events: readonly EventInput[];
  /** Default `all_or_nothing`: one invalid event refuses the whole call. `independent`: see each result's status. */
  readonly mode?: keyof typeof modes | undefined;
  /** Default: the latest. */
  readonly schemaVersion?: number | undefined;
  /**
   * Makes a retry of the whole call safe, whatever was stored of it: event number i without an id has the identity (this key, i). 1 to 255 characters,
   * new for every call that is no retry.
   */
  readonly idempotencyKey?: string | undefined;
}

/** One batch of a stream. Its events come as objects, or encoded by an `EventEncoder`. */
export interface PublishBatch extends Omit<PublishInput, 'topic' | 'events'> {
  /** Required in the first batch; then the last one named applies. */
  readonly topic?: string | undefined;
  readonly events: readonly EventInput[] | EncodedEvents;
  /** After events were not stored, later ones of their partitions are refused (STREAM_HALTED) until a batch says this. */
  readonly continueAfterFailure?: boolean | undefined;
}

/** A result for each event, in order. */
export interface PublishResults extends Array<PublishResult> {
  /** What the server wants known though all went well, such as events without a key on a topic that has a key pointer. */
  readonly warnings: readonly string[];
}

export interface PublishOptions extends CallOptions {
  /**
   * Milliseconds for which a call that failed retryably is tried again; default 0, not at all. Events with ids, or a call with an idempotency
   * key, are also sent again where they may be stored already; others only where nothing of the call can be stored.
   */
  readonly retryForMs?: number | undefined;
}

export interface PublishCalls {
  /**
   * Publishes events. Resolves once they are durable, with a result for each (in order). A rejection with reason PARTIALLY_STORED
   * tells in `outcome` what became of each; CONNECTION_LOST and DEADLINE_EXCEEDED leave it open. Events with an id, or a call with an idempotency key,
   * may then be sent again as they are: what is stored already is answered with its position, as a `duplicate`.
   */
  publish(input: PublishInput, options?: PublishOptions): Promise<PublishResults>;
  /**
   * Publishes a stream of batches on one call; yields one answer per batch, in order. Not on HTTP/1.1. The batches are asked for as the
   * connection takes them: the source decides how many may be unanswered. When the iteration throws, the unanswered batches may be stored or not; with SHUTTING_DOWN they are not stored.
   */
  publishBatches(batches: AsyncIterable<PublishBatch>, options?: CallOptions): AsyncIterable<PublishStreamResponse>;
}

export function publishCalls(calls: Calls): PublishCalls {
  const service: Client<typeof PublishService> = createClient(PublishService, calls.transport);
  return {
    publish(input, options) {
      const call = () =>
        calls.unary(options, async (connect) => {
          const request = create(PublishRequestSchema, {
            topic: input.topic,
            events: input.events.map(toEvent),
            mode: modes[input.mode ?? 'all_or_nothing'],
            idempotencyKey: input.idempotencyKey ?? '',
            ...(input.schemaVersion === undefined ? {} : { schemaVersion: input.schemaVersion }),
          });
          const { results, warnings } = await service.publish(request, connect);
          return Object.assign(results, { warnings });
        });
      const { retryForMs = 0, signal = new AbortController().signal } = options ?? {};
      const isIdentified = Boolean(input.idempotencyKey) || input.events.every(({ id }) => Boolean(id));
      return retryForMs > 0 ? publishAgain(call, { forMs: retryForMs, isIdentified, signal }) : call();
    },
    publishBatches: (batches, options) =>
      guardStream(calls, options, (connect) => service.publishStream(toRequests(batches), connect)),
  };
}

async function* toRequests(batches: AsyncIterable<PublishBatch>): AsyncIterable<PublishStreamRequest> {
  for await (const batch of batches) {
    const request = create(PublishStreamRequestSchema, {
      topic: batch.topic ?? '',
      mode: modes[batch.mode ?? 'all_or_nothing'],
      continueAfterFailure: batch.continueAfterFailure ?? false,
      idempotencyKey: batch.idempotencyKey ?? '',
      ...(batch.schemaVersion === undefined ? {} : { schemaVersion: batch.schemaVersion }),
    });
    if ('bytes' in batch.events) request.$unknown = asUnknownFields(batch.events);
    else request.events = create(PublishStreamRequestSchema, { events: batch.events.map(toEvent) }).events;
    yield request;
  }
}
