import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { BusError } from '../../core/errors.js';
import type { ParkCommand, ParkedInfo, RecordPosition, Selection } from '../../core/parking/parking.js';
import type {
  PositionChange,
  ResetCommand,
  ResetTo,
  SubscriberDetail,
  SubscriberInfo,
  SubscriberPosition,
  SubscriberStream,
} from '../../core/subscribers/subscriber.js';
import {
  type GetSubscriberResponseSchema,
  type ParkedRecordSchema,
  type ParkRecordRequest,
  type PositionChangeSchema,
  type RecordPosition as PositionMessage,
  type ResetSubscriberRequest,
  type Subscriber,
  type SubscriberPositionSchema,
  SubscriberSchema,
  type SubscriberStreamSchema,
} from '../../gen/mainstem/v1/subscriber_pb.js';
import { fromInt64 } from './numbers.js';
import { timestampMs, toStartPosition } from './subscribe-mapper.js';

export function toSubscriber({ name, streams, topics, lag, lastCommit }: SubscriberInfo): Subscriber {
  return create(SubscriberSchema, {
    name,
    streams,
    topics: [...topics],
    ...(lag === undefined ? {} : { lag: BigInt(lag) }),
    ...(lastCommit === undefined ? {} : { lastCommit: timestampFromMs(lastCommit) }),
  });
}

export function toSubscriberDetail(detail: SubscriberDetail): MessageInitShape<typeof GetSubscriberResponseSchema> {
  const { subscriber, streams, positions, parked, expires } = detail;
  return {
    subscriber: toSubscriber(subscriber),
    streams: streams.map(toStream),
    positions: positions.map(toPosition),
    ...(parked === undefined ? {} : { parked: BigInt(parked) }),
    ...(expires === undefined ? {} : { expires: timestampFromMs(expires) }),
  };
}

function toStream(stream: SubscriberStream): MessageInitShape<typeof SubscriberStreamSchema> {
  const { id, instance, partitions, generation, readerSchemaVersion } = stream;
  return {
    streamId: id,
    instance,
    partitions: partitions.map((each) => ({ topic: each.topic, partitions: [...each.partitions] })),
    ...(generation === undefined ? {} : { generation: BigInt(generation) }),
    ...(readerSchemaVersion === undefined ? {} : { readerSchemaVersion }),
  };
}

function toPosition(position: SubscriberPosition): MessageInitShape<typeof SubscriberPositionSchema> {
  const { topic, partition, next, earliest, highWatermark, lag, lagMs, streamId, generation, lastCommit } = position;
  return {
    topic,
    partition,
    nextOffset: BigInt(next),
    ...(earliest === undefined ? {} : { earliestOffset: BigInt(earliest) }),
    ...(highWatermark === undefined ? {} : { highWatermark: BigInt(highWatermark) }),
    ...(lag === undefined ? {} : { lag: BigInt(lag) }),
    ...(lagMs === undefined ? {} : { lagTime: durationFromMs(lagMs) }),
    streamId,
    generation: BigInt(generation),
    ...(lastCommit === undefined ? {} : { lastCommit: timestampFromMs(lastCommit) }),
    stuck: position.stuck,
    stale: position.stale,
  };
}

/** Throws INVALID_REQUEST, naming the field. */
export function toResetCommand(request: ResetSubscriberRequest): ResetCommand {
  const { subscriber, topic, partitions, to, dryRun, force } = request;
  return { subscriber, topic: topic || undefined, partitions, to: toResetTo(to), dryRun, force };
}

function toResetTo(to: ResetSubscriberRequest['to']): ResetTo {
  switch (to.case) {
    case 'cursor':
      return { at: 'cursor', cursor: to.value };
    case 'time':
      return { at: 'time', timestamp: timestampMs(to.value) };
    case 'offset':
      return { at: 'offset', offset: fromInt64('offset', to.value) };
    case 'position': {
      const start = toStartPosition(to.value);
      if (start) return start;
      break;
    }
    default:
  }
  throw new BusError('INVALID_REQUEST', 'where to is missing: give position, cursor, time or offset');
}

export function toPositionChange(change: PositionChange): MessageInitShape<typeof PositionChangeSchema> {
  const { topic, partition, from, to } = change;
  return {
    topic,
    partition,
    ...(from === undefined ? {} : { fromOffset: BigInt(from) }),
    toOffset: BigInt(to),
  };
}

/** Throws INVALID_REQUEST, naming the field. */
export function toParkCommand(request: ParkRecordRequest): ParkCommand {
  const { subscriber, record, reason, attempts, generation } = request;
  if (generation === undefined) {
    throw new BusError('INVALID_REQUEST', "generation is required: it is in the Assignment of the subscriber's stream");
  }
  return {
    ...positionOf('record', record),
    subscriber,
    reason,
    attempts,
    generation: fromInt64('generation', generation),
  };
}

export function toParkedRecord(parked: ParkedInfo): MessageInitShape<typeof ParkedRecordSchema> {
  const { position, reason, attempts, parkedAt, payloadBytes } = parked;
  const { topic, partition, offset } = position;
  return {
    position: { topic, partition, offset: BigInt(offset) },
    reason,
    attempts,
    parkedAt: timestampFromMs(parkedAt),
    payloadBytes: BigInt(payloadBytes),
  };
}

/** Throws INVALID_REQUEST: exactly one of the two says which. */
export function toSelection({ positions, all }: { positions: readonly PositionMessage[]; all: boolean }): Selection {
  if (all && positions.length > 0) {
    throw new BusError('INVALID_REQUEST', 'positions and all are both given; give one of them');
  }
  return all ? 'all' : positions.map((position, i) => fromPosition(`positions[${i}]`, position));
}

/** A position that has to be there. Throws INVALID_REQUEST, naming the field. */
export function positionOf(field: string, position: PositionMessage | undefined): RecordPosition {
  if (position === undefined) {
    throw new BusError('INVALID_REQUEST', `${field} is required: topic, partition and offset of the record`);
  }
  return fromPosition(field, position);
}

/** Throws INVALID_REQUEST, naming the field. */
export function fromPosition(field: string, { topic, partition, offset }: PositionMessage): RecordPosition {
  if (topic === '' || partition === undefined || offset === undefined) {
    throw new BusError('INVALID_REQUEST', `${field} needs topic, partition and offset`);
  }
  return { topic, partition, offset: fromInt64(`${field}.offset`, offset) };
}
