import type { ServiceImpl } from '@connectrpc/connect';
import type { Subscriptions } from '../../core/subscribe/frames.js';
import type { SubscribeService } from '../../gen/mainstem/v1/subscribe_pb.js';
import { guardStream, guardUnary, mapped, messageForm } from './call.js';
import type { OnInternalError } from './errors.js';
import { toResponse } from './frame-mapper.js';
import { toCommitCommand, toSubscribeCommand } from './subscribe-mapper.js';

/** SubscribeService on the subscribe path. */
export function subscribeService(
  subscriptions: Subscriptions,
  onInternalError: OnInternalError,
): ServiceImpl<typeof SubscribeService> {
  return {
    subscribe: guardStream(onInternalError, (request, context) => {
      const form = messageForm(context);
      const frames = subscriptions.subscribe(toSubscribeCommand(request), context.signal);
      return mapped(frames, (frame) => toResponse(frame, form));
    }),
    commit: guardUnary(onInternalError, async (request, context) => {
      const positions = await subscriptions.commit(toCommitCommand(request), context.signal);
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
