import type { ServiceImpl } from '@connectrpc/connect';
import { answerBefore } from '../../core/deadline.js';
import { compareCursors } from '../../core/subscribe/compare-cursors.js';
import type { Subscriptions } from '../../core/subscribe/frames.js';
import type { SubscribeService } from '../../gen/mainstem/v1/subscribe_pb.js';
import type { OnInternalError } from '../served.js';
import { guardPulled, guardUnary, mapped, messageForm } from './call.js';
import { toResponse } from './frame-mapper.js';
import { stallWatch } from './stall-context.js';
import { toCommitCommand, toGeneration, toPosition, toSubscribeCommand } from './subscribe-mapper.js';

/** SubscribeService on the subscribe path. */
export function subscribeService(
  subscriptions: Subscriptions,
  onInternalError: OnInternalError,
): ServiceImpl<typeof SubscribeService> {
  return {
    subscribe: guardPulled(onInternalError, (request, context) => {
      const form = messageForm(context);
      // The lane has encoded a frame before it pulls the next; what others do with their messages is theirs.
      const frames = subscriptions.subscribe(toSubscribeCommand(request), context.signal, form === 'pieces');
      const client = context.values.get(stallWatch);
      return mapped(frames, (frame) => {
        // Only with a generation does it own partitions, which others would wait for.
        if ('assignment' in frame) client.expectReading(frame.assignment.generation !== undefined);
        return toResponse(frame, form);
      });
    }),
    compareCursors: guardUnary(onInternalError, async ({ from, to }) => {
      const { total, partitions } = compareCursors(from, to);
      return {
        total: BigInt(total),
        partitions: partitions.map(({ topic, partition, from: start, to: end, distance }) => {
          return { topic, partition, fromOffset: BigInt(start), toOffset: BigInt(end), distance: BigInt(distance) };
        }),
      };
    }),
    keepAlive: guardUnary(onInternalError, async ({ subscriber, streamId, generation }, { signal }) => {
      await subscriptions.keepAlive({ subscriber, streamId, generation: toGeneration(generation) }, signal);
      return {};
    }),
    setPositions: guardUnary(onInternalError, async (request, { signal }) => {
      const { subscriber, streamId, generation, positions } = request;
      const of = { subscriber, streamId, generation: toGeneration(generation) };
      await subscriptions.setPositions(of, positions.map(toPosition), signal);
      return {};
    }),
    commit: guardUnary(onInternalError, async (request, context) => {
      const positions = await subscriptions.commit(
        toCommitCommand(request),
        answerBefore(context.signal, context.timeoutMs()),
      );
      return {
        positions: positions.map(({ topic, partition, nextOffset }) => ({
          topic,
          partition,
          nextOffset: BigInt(nextOffset),
        })),
      };
    }),
  };
}
