import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { AssignmentInfo, EndReason as CoreEndReason, Frame } from '../../core/subscribe/frames.js';
import {
  type AssignmentSchema,
  EndReason,
  type EndSchema,
  GapReason,
  type SubscribeResponse,
  SubscribeResponseSchema,
} from '../../gen/mainstem/v1/subscribe_pb.js';
import type { MessageForm } from './call.js';
import { encodedEventsFrame, eventsFrameMessage, eventsFramePieces } from './events-frame.js';

type FrameInit = NonNullable<MessageInitShape<typeof SubscribeResponseSchema>['frame']>;
type FrameKind<K extends Frame['kind']> = Extract<Frame, { kind: K }>;

const gapReasons: { readonly [K in FrameKind<'gap'>['reason']]: GapReason } = {
  retention: GapReason.RETENTION,
  too_large: GapReason.TOO_LARGE,
  topic_recreated: GapReason.TOPIC_RECREATED,
  log_truncated: GapReason.LOG_TRUNCATED,
};

const endReasons: { readonly [K in CoreEndReason]: EndReason } = {
  caught_up: EndReason.CAUGHT_UP,
  limit: EndReason.LIMIT,
  shutting_down: EndReason.SHUTTING_DOWN,
  subscriber_reset: EndReason.SUBSCRIBER_RESET,
  until: EndReason.UNTIL,
  filter_too_costly: EndReason.FILTER_TOO_COSTLY,
  positions_not_set: EndReason.POSITIONS_NOT_SET,
};

const eventsForms: { readonly [F in MessageForm]: (frame: FrameKind<'events'>) => SubscribeResponse } = {
  json: eventsFrameMessage,
  binary: encodedEventsFrame,
  pieces: eventsFramePieces,
};

/** A frame as a message; of events the binary forms take the records' shared encodings. */
export function toResponse(frame: Frame, form: MessageForm): SubscribeResponse {
  if (frame.kind === 'events') return eventsForms[form](frame);
  return create(SubscribeResponseSchema, { frame: toFrame(frame) });
}

function toFrame(frame: Exclude<Frame, { kind: 'events' }>): FrameInit {
  switch (frame.kind) {
    case 'ready': {
      const { cursor, streamId, assignment } = frame;
      return { case: 'ready', value: { cursor, streamId, assignment: toAssignment(assignment) } };
    }
    case 'heartbeat':
      return {
        case: 'heartbeat',
        value: {
          cursor: frame.cursor,
          ...(frame.filterErrors && {
            filterErrors: { ...frame.filterErrors, failed: BigInt(frame.filterErrors.failed) },
          }),
          partitions: frame.partitions.map(({ topic, incarnation, partition, nextOffset, highWatermark }) => ({
            topic,
            incarnation,
            partition,
            nextOffset: BigInt(nextOffset),
            highWatermark: BigInt(highWatermark),
          })),
        },
      };
    case 'gap': {
      const { topic, incarnation, partition, message, cursor } = frame;
      const [fromOffset, toOffset, reason] = [BigInt(frame.from), BigInt(frame.to), gapReasons[frame.reason]];
      return {
        case: 'gap',
        value: { topic, incarnation, partition, fromOffset, toOffset, reason, message, cursor },
      };
    }
    case 'assignment':
      return { case: 'assignment', value: toAssignment(frame.assignment) };
    case 'end':
      return { case: 'end', value: toEnd(frame) };
  }
}

function toAssignment(info: AssignmentInfo): MessageInitShape<typeof AssignmentSchema> {
  const { topic, incarnation, partitions, generation, cursor, waiting } = info;
  const topics = info.topics.map((each) => ({ ...each, partitions: [...each.partitions] }));
  const assignment: MessageInitShape<typeof AssignmentSchema> = {
    topic,
    incarnation,
    partitions: [...partitions],
    cursor,
    topics,
    waiting,
  };
  if (generation !== undefined) assignment.generation = BigInt(generation);
  return assignment;
}

function toEnd({ reason, cursor, retryDelayMs, message = '' }: FrameKind<'end'>): MessageInitShape<typeof EndSchema> {
  const end: MessageInitShape<typeof EndSchema> = { reason: endReasons[reason], cursor, message };
  if (retryDelayMs !== undefined) end.retryDelay = durationFromMs(Math.ceil(retryDelayMs));
  return end;
}
