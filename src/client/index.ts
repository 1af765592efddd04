/** The client for TypeScript services: `createMainstemClient({ address })`. */

export { PayloadKind, type Record as StreamRecord } from '../gen/mainstem/v1/event_pb.js';
export { type PublishResult, PublishStatus, type PublishStreamResponse } from '../gen/mainstem/v1/publish_pb.js';
export {
  type Assignment,
  type CommittedPosition,
  EndReason,
  type Events,
  type Gap,
  GapReason,
  type Heartbeat,
} from '../gen/mainstem/v1/subscribe_pb.js';
export { type GetTopicResponse, type Topic, TopicState } from '../gen/mainstem/v1/topic_pb.js';
export type { CallOptions } from './calls.js';
export { createMainstemClient, type MainstemClient } from './client.js';
export { type EncodedEvents, EventEncoder, pickEvents } from './encoded-events.js';
export type { CursorExpired, PublishOutcome, Violation } from './error-details.js';
export { MainstemError, type StatusCode } from './errors.js';
export type { EventInput } from './events.js';
export type { PublishBatch, PublishInput } from './publish.js';
export type { Frame, StartFrom, SubscribeInput } from './subscribe.js';
export type { ApplyTopicInput, CreateTopicInput } from './topics.js';
export type { ConnectionOptions, Protocol } from './transport.js';
