import type { ServiceImpl } from '@connectrpc/connect';
import type { Subscriptions } from '../../core/subscribe/frames.js';
import type { SubscribeService } from '../../gen/mainstem/v1/subscribe_pb.js';
import { guardStream, guardUnary, usesBinary } from './call.js';
import type { OnInternalError } from './errors.js';
import { toResponse } from './frame-mapper.js';
import { toCommitCommand, toSubscribeCommand } from './subscribe-mapper.js';

/** SubscribeService on the subscribe path. */
export function subscribeService(
  subscriptions: Subscriptions,
  onInternalError: OnInternalError,
): ServiceImpl<typeof SubscribeService> {
  return {
    subscribe: guardStream(onInternalError, async function* subscribe(request, context) {
      const binary = usesBinary(context);
      for await (const frame of subscriptions.subscribe(toSubscribeCommand(request), context.signal)) {
        yield toResponse(frame, binary);
      }
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
