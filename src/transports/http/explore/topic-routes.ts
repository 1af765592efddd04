import type { SchemaRegistry } from '../../../core/schema-registry/commands.js';
import type { TopicAdmin } from '../../../core/topics/topic.js';
import { jsonResponse, ref } from '../documents/schema-parts.js';
import { send, sendJson } from '../problem.js';
import { numberParameter, textParameter } from '../query.js';
import { type AnyRoute, route } from '../route.js';
import { pathNumber } from './path-number.js';
import { schemaFacts, topicDetailJson, topicJson } from './topic-json.js';

const perPage = { from: 1, to: 10_000, fallback: 1_000 };

/** What topics there are, and all about one. */
export function topicRoutes({
  topics,
  schemas,
}: {
  readonly topics: TopicAdmin;
  readonly schemas: SchemaRegistry;
}): AnyRoute[] {
  return [
    route({
      method: 'GET',
      path: '/v1/topics',
      operation: {
        id: 'listTopics',
        summary: 'The topics, by name',
        description: 'Those of the log that the bus does not manage are listed too, with the state `unmanaged`.',
        tag: 'explore',
        responses: { 200: jsonResponse('The topics.', ref('TopicList')) },
      },
      query: {
        limit: numberParameter('So many at most.', perPage),
        after: textParameter('Those whose names come after this one.'),
      },
      async handle({ response }, { limit = perPage.fallback, after = '' }) {
        const found = (await topics.list()).filter(({ name }) => name > after);
        const page = found.slice(0, limit);
        sendJson(response, 200, {
          topics: page.map(topicJson),
          ...(found.length > page.length && { next: page.at(-1)?.name }),
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/topics/{topic}',
      operation: {
        id: 'getTopic',
        summary: 'All about one topic: settings, partitions, rate, size, schema versions',
        tag: 'explore',
        params: { topic: 'The topic.' },
        responses: { 200: jsonResponse('The topic.', ref('TopicDetail')) },
      },
      query: {},
      async handle({ response, params: { topic = '' } }) {
        const detail = await topics.get(topic);
        const managed = detail.topic.state !== 'unmanaged' && detail.topic.latestSchemaVersion !== undefined;
        const listed = managed ? (await schemas.list(topic)).schemas : undefined;
        sendJson(response, 200, topicDetailJson(detail, listed, Date.now()));
      },
    }),
    route({
      method: 'GET',
      path: '/v1/topics/{topic}/schemas/{version}',
      operation: {
        id: 'getSchema',
        summary: "A version of a topic's schema",
        tag: 'explore',
        params: { topic: 'The topic.', version: 'From 1; or `latest`: the one that applies.' },
        responses: { 200: jsonResponse('The version.', ref('SchemaVersion')) },
      },
      query: {},
      async handle({ response, params: { topic = '', version } }) {
        const schema = await schemas.get(topic, version === 'latest' ? undefined : pathNumber('version', version));
        const facts = JSON.stringify({ topic, ...schemaFacts(schema) });
        // As its author wrote it, number by number.
        const text = `${facts.slice(0, -1)},"definition":${schema.definition}}\n`;
        send(response, 200, text, { 'content-type': 'application/json' });
      },
    }),
  ];
}
