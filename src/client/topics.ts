import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Client, createClient } from '@connectrpc/connect';
import {
  type ApplyTopicRequestSchema,
  type ApplyTopicResponse,
  type CreateTopicRequestSchema,
  type GetTopicResponse,
  type Topic,
  TopicService,
} from '../gen/mainstem/v1/topic_pb.js';
import type { CallOptions, Calls } from './calls.js';

/** What CreateTopic takes: topic, settings, and a schema unless the topic is schemaless. */
export type CreateTopicInput = MessageInitShape<typeof CreateTopicRequestSchema>;
/** What ApplyTopic takes: topic, settings, schema versions numbered from 1. */
export type ApplyTopicInput = MessageInitShape<typeof ApplyTopicRequestSchema>;

export interface CreateTopicOptions extends CallOptions {
  /** Called for each thing that the caller should know, such as keywords of the schema that do not exist. */
  readonly onWarning?: ((warning: string) => void) | undefined;
}

/** The topics. */
export interface TopicCalls {
  /** All topics by name, those that the bus does not manage included. */
  list(options?: CallOptions): Promise<Topic[]>;
  /** One topic with its partitions and schemas; TOPIC_NOT_FOUND. */
  get(topic: string, options?: CallOptions): Promise<GetTopicResponse>;
  /** TOPIC_ALREADY_EXISTS, TOPIC_SETTINGS_INVALID, SCHEMA_INVALID, SCHEMA_HAS_NO_KEYWORD. */
  create(input: CreateTopicInput, options?: CreateTopicOptions): Promise<Topic>;
  /** Makes a topic as described; the same twice changes nothing. SCHEMA_VERSION_CONFLICT. */
  apply(input: ApplyTopicInput, options?: CallOptions): Promise<ApplyTopicResponse>;
  /** Deletes a topic and its events; TOPIC_NOT_FOUND. TOPIC_IN_USE where subscribers have streams of it, unless `force` is set. */
  delete(topic: string, options?: CallOptions & { readonly force?: boolean | undefined }): Promise<void>;
}

export function topicCalls(calls: Calls): TopicCalls {
  const service: Client<typeof TopicService> = createClient(TopicService, calls.transport);
  const created = (topic: Topic | undefined): Topic => {
    if (topic === undefined) throw new Error('the server answered without the topic');
    return topic;
  };
  return {
    list: (options) => calls.unary(options, async (connect) => (await service.listTopics({}, connect)).topics),
    get: (topic, options) => calls.unary(options, (connect) => service.getTopic({ topic }, connect)),
    create: (input, options) =>
      calls.unary(options, async (connect) => {
        const { topic, warnings } = await service.createTopic(input, connect);
        for (const warning of warnings) options?.onWarning?.(warning);
        return created(topic);
      }),
    apply: (input, options) => calls.unary(options, (connect) => service.applyTopic(input, connect)),
    delete: (topic, options) =>
      calls.unary(options, async (connect) => {
        await service.deleteTopic({ topic, force: options?.force ?? false }, connect);
      }),
  };
}
