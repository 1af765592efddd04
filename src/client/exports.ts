/** What the clients for Node and for browsers have in common. */

export { PayloadKind, type Record as StreamRecord } from '../gen/mainstem/v1/event_pb.js';
export type { Fleet, FleetInstance } from '../gen/mainstem/v1/fleet_pb.js';
export { type PublishResult, PublishStatus, type PublishStreamResponse } from '../gen/mainstem/v1/publish_pb.js';
export {
  type CheckSchemaResponse,
  type CompatibilityFinding,
  CompatibilityLevel,
  CompatibilityReading,
  CompatibilityVerdict,
  type DiffSchemasResponse,
  type ListSchemasResponse,
  type RegisteredSchema,
  type RegisterSchemaResponse,
  type SchemaPolicy,
  type SchemaReport,
  SchemaState,
  type ValidateEventsResponse,
} from '../gen/mainstem/v1/schema_pb.js';
export {
  type Assignment,
  type CommittedPosition,
  EndReason,
  type Events,
  type Gap,
  GapReason,
  type Heartbeat,
  type PartitionProgress,
  type TopicPartitions,
} from '../gen/mainstem/v1/subscribe_pb.js';
export type {
  GetParkedResponse,
  GetSubscriberResponse,
  ListParkedResponse,
  ParkedRecord,
  ResetSubscriberResponse,
  Subscriber,
  SubscriberPosition,
  SubscriberStream,
} from '../gen/mainstem/v1/subscriber_pb.js';
export { type GetTopicResponse, type Topic, TopicState } from '../gen/mainstem/v1/topic_pb.js';
export { asJson } from './as-json.js';
export type { CallOptions } from './calls.js';
export type { MainstemClient } from './client.js';
export type { CursorExpired, PublishOutcome, Violation } from './error-details.js';
export { MainstemError, type StatusCode } from './errors.js';
export type { EventInput } from './events.js';
export type { FleetCalls } from './fleet.js';
export { type ResumeOptions, resumingFrames } from './frames.js';
export type { PublishBatch, PublishInput, PublishOptions, PublishResults } from './publish.js';
export type { ReceivedEvent, RedrivenFrom } from './received-event.js';
export type { CheckInput, Level, PolicyInput, Reading, SchemaCalls, SchemaStateName } from './schemas.js';
export type {
  CommitInput,
  Frame,
  KeepAliveInput,
  Place,
  SetPositionsInput,
  StartFrom,
  StreamOptions,
  StreamPosition,
  SubscribeInput,
  TopicChoice,
} from './subscribe.js';
export type { Position, ResetInput, ResetTo, SubscriberCalls, WhichParked } from './subscribers.js';
export type { AssignedPartitions, EventBatch, Subscription, SubscriptionOptions } from './subscription/api.js';
export { type Commits, type CommitsOptions, createCommits } from './subscription/commits.js';
export type { SubscriptionStatus } from './subscription/status.js';
export type { ApplyTopicInput, CreateTopicInput, CreateTopicOptions } from './topics.js';
