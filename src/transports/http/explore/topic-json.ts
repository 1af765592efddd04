import type { RegisteredSchema } from '../../../core/schema-registry/commands.js';
import type { TopicDetail, TopicInfo } from '../../../core/topics/topic.js';
import { count, described, flag, listOf, objectOf, ref, text, time } from '../documents/schema-parts.js';
import type { JsonObject } from '../query.js';
import { topicLinks } from './links.js';

export function topicJson({ name, state, settings, latestSchemaVersion }: TopicInfo): JsonObject {
  const { partitions, keyPointer, keyRequired, schemaless } = settings;
  return {
    name,
    state,
    partitions,
    ...(latestSchemaVersion !== undefined && { schemaVersion: latestSchemaVersion }),
    schemaless,
    ...(keyPointer !== undefined && { keyPointer }),
    ...(keyRequired && { keyRequired }),
    links: topicLinks(name, latestSchemaVersion),
  };
}

/** @param schemas its versions; undefined where the bus does not manage it */
export function topicDetailJson(
  { topic, partitions, sizeBytes, eventsPerSecond }: TopicDetail,
  schemas: readonly RegisteredSchema[] | undefined,
  now: number,
): JsonObject {
  return {
    ...topicJson(topic),
    ...(topic.incarnation !== '' && { incarnation: topic.incarnation }),
    publisherTime: topic.publisherTime,
    settings: topic.settings,
    time: new Date(now).toISOString(),
    sizeBytes,
    eventsPerSecond,
    partitionStatus: partitions.map(({ partition, earliest, highWatermark, ...figures }) => {
      return { partition, earliest, highWatermark, recordsAtMost: highWatermark - earliest, ...figures };
    }),
    schemas: (schemas ?? []).map((schema) => ({
      ...schemaFacts(schema),
      link: `${topicLinks(topic.name, schema.version)['schema']}`,
    })),
  };
}

export function schemaFacts({ version, state, registeredAt, uri, references }: RegisteredSchema): JsonObject {
  const registered = registeredAt === undefined ? undefined : new Date(registeredAt).toISOString();
  return { version, state, registeredAt: registered, uri, references };
}

const topicMembers = {
  name: text,
  state: { type: 'string', enum: ['creating', 'active', 'deleting', 'unmanaged'] },
  partitions: count,
  'schemaVersion?': described(count, 'The latest schema version.'),
  schemaless: flag,
  'keyPointer?': described(text, 'JSON Pointer to the key of events published without one.'),
  'keyRequired?': described({ const: true }, 'Events without a key are refused.'),
  links: { type: 'object', additionalProperties: text },
};

const figures = {
  'sizeBytes?': described(count, 'In the log, one replica of it. Absent where the log did not tell.'),
  'eventsPerSecond?': { type: 'number', description: 'Over the last minute. Absent where the log did not tell.' },
};

const schemaMembers = {
  version: count,
  state: { type: 'string', enum: ['active', 'deprecated', 'closed'] },
  'registeredAt?': time,
  uri: text,
  references: listOf(text),
};

export const topicSchemas: Readonly<Record<string, JsonObject>> = {
  Topic: objectOf(topicMembers),
  TopicList: objectOf({
    topics: listOf(ref('Topic')),
    'next?': described(text, 'There are more: ask again with `after` set to this.'),
  }),
  TopicDetail: objectOf({
    ...topicMembers,
    'incarnation?': described(text, 'Tells this topic from an earlier one of the same name.'),
    publisherTime: described(
      flag,
      "Whether record times are the publishers' (a foreign topic), and may run backwards.",
    ),
    settings: { type: 'object' },
    time,
    ...figures,
    partitionStatus: listOf(
      objectOf({
        partition: count,
        earliest: described(count, 'The first offset that is left.'),
        highWatermark: described(count, 'The offset that the next record will have.'),
        recordsAtMost: described(count, 'Fewer where offsets have holes.'),
        ...figures,
      }),
    ),
    schemas: listOf(objectOf({ ...schemaMembers, link: text })),
  }),
  SchemaVersion: objectOf({ topic: text, ...schemaMembers, definition: described({}, 'The JSON Schema.') }),
};
