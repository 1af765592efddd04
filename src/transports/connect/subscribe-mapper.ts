import type { Duration, Timestamp } from '@bufbuild/protobuf/wkt';
import { BusError } from '../../core/errors.js';
import type { CommitCommand, Place, StartFrom, StreamPosition, SubscribeCommand } from '../../core/subscribe/frames.js';
import {
  CommitMode,
  type CommitRequest,
  type OffsetStarts,
  OnExpired,
  type StreamPosition as PositionMessage,
  PositionSource,
  StartPosition,
  type SubscribeRequest,
} from '../../gen/mainstem/v1/subscribe_pb.js';
import { fromInt64 } from './numbers.js';

/** Throws INVALID_REQUEST, naming the field. */
export function toSubscribeCommand(request: SubscribeRequest): SubscribeCommand {
  return {
    ...toTopics(request),
    partitions: request.partitions.length > 0 ? request.partitions : undefined,
    subscriber: request.subscriber || undefined,
    from: toStart(request.from),
    onExpired: toOnExpired(request.onExpired),
    follow: request.follow,
    limit: optionalInt64('limit', request.limit),
    heartbeatMs: request.heartbeatInterval && durationMs(request.heartbeatInterval),
    readerSchemaVersion: request.readerSchemaVersion,
    commitMode: toCommitMode(request.commitMode),
    maxUncommitted: optionalInt64('max_uncommitted', request.maxUncommitted),
    maxUncommittedBytes: optionalInt64('max_uncommitted_bytes', request.maxUncommittedBytes),
    maxDeliveries: request.maxDeliveries,
    parkKeySequence: request.parkKeySequence || undefined,
    commitTimeoutMs: request.commitTimeout && durationMs(request.commitTimeout),
    until: toUntil(request),
    filter: request.filter || undefined,
    fields: request.fields.length > 0 ? request.fields : undefined,
    sample: request.sample,
    positionsFrom: toPositionSource(request.positionsFrom),
  };
}

/** What is empty is not set; the core sees to it that exactly one is. A topic with an empty name is the case where nothing is. */
function toTopics({ topic, topics, topicPattern }: SubscribeRequest) {
  return {
    topic: topic === '' && (topics.length > 0 || topicPattern !== '') ? undefined : topic,
    topics: topics.length > 0 ? topics : undefined,
    pattern: topicPattern === '' ? undefined : topicPattern,
  };
}

const optionalInt64 = (field: string, value: bigint | undefined) =>
  value === undefined ? undefined : fromInt64(field, value);

/** Throws INVALID_REQUEST, naming the field. */
export function toCommitCommand({ subscriber, cursor, generation, positions }: CommitRequest): CommitCommand {
  return {
    subscriber,
    // An empty cursor is what a stream without partitions has: without positions beside it, it is refused.
    cursor: cursor === '' && positions.length > 0 ? undefined : cursor,
    positions: positions.map(toPosition),
    generation: toGeneration(generation),
  };
}

/** Throws INVALID_REQUEST where there is none. */
export function toGeneration(generation: bigint | undefined): number {
  if (generation !== undefined) return fromInt64('generation', generation);
  throw new BusError('INVALID_REQUEST', "generation is required: it is in the Assignment of the subscriber's stream");
}

/** Throws INVALID_REQUEST, naming the field. */
export function toPosition({ topic, incarnation, partition, nextOffset }: PositionMessage, i: number): StreamPosition {
  const field = `positions[${i}]`;
  if (partition === undefined || nextOffset === undefined) {
    throw new BusError('INVALID_REQUEST', `${field} needs topic, incarnation, partition and next_offset`, {
      metadata: { field },
    });
  }
  return { topic, incarnation, partition, nextOffset: fromInt64(`${field}.next_offset`, nextOffset) };
}

/** Throws INVALID_REQUEST. */
function toUntil({ until, untilCursor, untilPosition }: SubscribeRequest): Place | undefined {
  const position = toStartPosition(untilPosition);
  const named = [
    until && ({ at: 'time', timestamp: timestampMs(until) } as const),
    untilCursor !== '' && ({ at: 'cursor', cursor: untilCursor } as const),
    position,
  ].flatMap((each) => each || []);
  if (named.length > 1) {
    throw new BusError('INVALID_REQUEST', 'set at most one of until, until_cursor and until_position');
  }
  return named[0];
}

function toStart(from: SubscribeRequest['from']): StartFrom | undefined {
  switch (from.case) {
    case 'cursor':
      return { at: 'cursor', cursor: from.value };
    case 'time':
      return { at: 'time', timestamp: timestampMs(from.value) };
    case 'position':
      return toStartPosition(from.value);
    case 'offsets':
      return { at: 'offsets', offsets: toOffsets(from.value) };
    default:
      return undefined;
  }
}

/** Throws INVALID_REQUEST. */
function toOffsets({ offsets }: OffsetStarts): Map<number, number> {
  const found = new Map<number, number>();
  for (const { partition, offset } of offsets) {
    if (partition === undefined || offset === undefined) {
      throw new BusError('INVALID_REQUEST', 'offsets: partition and offset are required in each');
    }
    if (found.has(partition)) throw new BusError('INVALID_REQUEST', `offsets names partition ${partition} twice`);
    found.set(partition, fromInt64('offset', offset));
  }
  return found;
}

/** Undefined where none is said. Throws INVALID_REQUEST. */
export function toStartPosition(value: StartPosition): { readonly at: 'earliest' | 'latest' } | undefined {
  if (value === StartPosition.EARLIEST) return { at: 'earliest' };
  if (value === StartPosition.LATEST) return { at: 'latest' };
  if (value === StartPosition.UNSPECIFIED) return undefined;
  throw new BusError('INVALID_REQUEST', `position: ${Number(value)} is not a StartPosition that this server knows`);
}

function toPositionSource(value: PositionSource): SubscribeCommand['positionsFrom'] {
  if (value === PositionSource.CLIENT) return 'client';
  if (value === PositionSource.UNSPECIFIED || value === PositionSource.SERVER) return 'server';
  throw new BusError(
    'INVALID_REQUEST',
    `positions_from: ${Number(value)} is not a PositionSource that this server knows`,
  );
}

function toOnExpired(value: OnExpired): 'fail' | 'skip' {
  if (value === OnExpired.SKIP) return 'skip';
  if (value === OnExpired.UNSPECIFIED || value === OnExpired.FAIL) return 'fail';
  throw new BusError('INVALID_REQUEST', `on_expired: ${Number(value)} is not an OnExpired that this server knows`);
}

function toCommitMode(value: CommitMode): SubscribeCommand['commitMode'] {
  switch (value) {
    case CommitMode.UNSPECIFIED:
    case CommitMode.EXPLICIT:
      return 'explicit';
    case CommitMode.ON_DELIVERY:
      return 'on_delivery';
    case CommitMode.BEFORE_DELIVERY:
      return 'before_delivery';
    default:
      throw new BusError('INVALID_REQUEST', `commit_mode: ${Number(value)} is not a CommitMode that this server knows`);
  }
}

/** The last second of the year 9999, where a Timestamp's range ends. */
const lastSecond = 253_402_300_799n;

/** Rounded up, so that nothing older is asked for; a time before 1970 is before every record. */
export function timestampMs({ seconds, nanos }: Timestamp): number {
  if (seconds > lastSecond || nanos < 0 || nanos > 999_999_999) {
    throw new BusError('INVALID_REQUEST', 'time is out of range: a Timestamp ends with the year 9999');
  }
  return seconds < 0n ? 0 : Number(seconds) * 1000 + Math.ceil(nanos / 1e6);
}

/** Its range is the core's matter. */
function durationMs({ seconds, nanos }: Duration): number {
  return Number(seconds) * 1000 + nanos / 1e6;
}
