import type { ServiceImpl } from '@connectrpc/connect';
import type { Subscribers } from '../../core/subscribers/index.js';
import type { SubscriberService } from '../../gen/mainstem/v1/subscriber_pb.js';
import type { OnInternalError } from '../served.js';
import { guardUnary } from './call.js';
import { toRecord } from './record-mapper.js';
import {
  fromPosition,
  positionOf,
  toParkCommand,
  toParkedRecord,
  toPositionChange,
  toResetCommand,
  toSelection,
  toSubscriber,
  toSubscriberDetail,
} from './subscriber-mapper.js';

const defaultLimit = 100;

/** SubscriberService on the operation of subscribers and their parked records. */
export function subscriberService(
  subscribers: Subscribers,
  onInternalError: OnInternalError,
): ServiceImpl<typeof SubscriberService> {
  return {
    listSubscribers: guardUnary(onInternalError, async () => ({
      subscribers: (await subscribers.list()).map(toSubscriber),
    })),
    getSubscriber: guardUnary(onInternalError, async ({ subscriber }) =>
      toSubscriberDetail(await subscribers.get(subscriber)),
    ),
    resetSubscriber: guardUnary(onInternalError, async (request) => {
      const { changes, fencedStreams } = await subscribers.reset(toResetCommand(request));
      return { changes: changes.map(toPositionChange), fencedStreams };
    }),
    deleteSubscriber: guardUnary(onInternalError, async ({ subscriber, force }) => {
      await subscribers.delete(subscriber, force);
      return {};
    }),
    parkRecord: guardUnary(onInternalError, async (request, { signal }) => {
      const { topic, partition, nextOffset } = await subscribers.park(toParkCommand(request), signal);
      return { position: { topic, partition, nextOffset: BigInt(nextOffset) } };
    }),
    listParked: guardUnary(onInternalError, async ({ subscriber, limit, after }) => {
      const { records, total } = await subscribers.listParked(
        subscriber,
        limit ?? defaultLimit,
        after && fromPosition('after', after),
      );
      return { records: records.map(toParkedRecord), total: BigInt(total) };
    }),
    getParked: guardUnary(onInternalError, async ({ subscriber, position }) => {
      const found = await subscribers.getParked(subscriber, positionOf('position', position));
      return { parked: toParkedRecord(found.parked), record: toRecord(found.delivery) };
    }),
    redriveParked: guardUnary(onInternalError, async (request) => ({
      redriven: BigInt(await subscribers.redrive(request.subscriber, toSelection(request))),
    })),
    discardParked: guardUnary(onInternalError, async (request) => ({
      discarded: BigInt(await subscribers.discard(request.subscriber, toSelection(request))),
    })),
  };
}
