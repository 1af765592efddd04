import { timestampNow } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { TopicAdmin } from '../../core/topics/topic.js';
import type { TopicService } from '../../gen/mainstem/v1/topic_pb.js';
import type { OnInternalError } from '../served.js';
import { guardUnary } from './call.js';
import { toSettingsInput, toTopic, toTopicDetail } from './topic-mapper.js';

/** TopicService on the management of topics. */
export function topicService(topics: TopicAdmin, onInternalError: OnInternalError): ServiceImpl<typeof TopicService> {
  return {
    listTopics: guardUnary(onInternalError, async () => ({ topics: (await topics.list()).map(toTopic) })),
    getTopic: guardUnary(onInternalError, async ({ topic }) => ({
      ...toTopicDetail(await topics.get(topic)),
      time: timestampNow(),
    })),
    createTopic: guardUnary(onInternalError, async ({ topic: name, settings, schema, adopt, allowAnything }) => {
      const input = { name, settings: toSettingsInput(settings), schema, adopt, allowAnything };
      const created = await topics.create(input);
      return { topic: toTopic(created), warnings: [...created.warnings] };
    }),
    applyTopic: guardUnary(onInternalError, async ({ topic: name, settings, schemas, allowAnything }) => {
      const applied = await topics.apply({ name, settings: toSettingsInput(settings), schemas, allowAnything });
      return { topic: toTopic(applied.topic), changes: applied.changes, warnings: applied.warnings };
    }),
    deleteTopic: guardUnary(onInternalError, async ({ topic, force }) => {
      await (force ? topics.delete(topic) : topics.deleteUnused(topic));
      return {};
    }),
  };
}
