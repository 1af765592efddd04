import { Buffer } from 'node:buffer';
import { BusError } from '../../../core/errors.js';
import { elementsOf, membersOf, wholeValue } from '../../../core/json-parts.js';
import { JsonSyntaxError, text as jsonText } from '../../../core/json-syntax.js';
import { settingsFromJson } from '../../../core/topics/settings-json.js';
import type { SettingsInput, TopicAdmin } from '../../../core/topics/topic.js';
import { readBody } from '../body.js';
import { jsonResponse, listOf, objectOf, ref, text } from '../documents/schema-parts.js';
import { type Exchange, headerOf } from '../exchange.js';
import { ProblemError, sendJson } from '../problem.js';
import { flagParameter } from '../query.js';
import { type AnyRoute, route } from '../route.js';
import { topicJson } from './topic-json.js';

/** Schemas have 1 MiB at most; a topic that is applied brings all its versions. */
const mostBytes = 16 * 1024 * 1024;

/** What a body says: the settings, and schemas as their author wrote them. */
interface Described {
  readonly settings: SettingsInput;
  readonly allowAnything: boolean;
  readonly adopt: boolean;
  readonly schemas: readonly string[];
}

const settingsBody = {
  type: 'object',
  description:
    'Settings as in topic.json: partitions, retention ("7d") or retentionMs, retentionBytes, maxEventBytes, keyPointer, keyRequired, schemaless, ' +
    'compatibility, reading, dedupeWindow, dedupeEntries, ' +
    'replicationFactor, minInsyncReplicas, allowAnything.',
};
const changed = objectOf({ topic: ref('Topic'), changes: listOf(text), warnings: listOf(text) });

/** Topics created, changed and deleted. A page of another origin cannot: each needs a JSON body or a method that browsers ask about first. */
export function manageRoutes(topics: TopicAdmin): AnyRoute[] {
  const params = { topic: 'The topic.' };
  return [
    route({
      method: 'POST',
      path: '/v1/topics/{topic}',
      operation: {
        id: 'createTopic',
        summary: 'Create a topic',
        description:
          'TOPIC_ALREADY_EXISTS (409) if there is one. `schema` is its first version; without one say `"schemaless": true`. `"adopt": true` takes over a topic that is in the log only.',
        tag: 'operate',
        params,
        body: {
          'application/json': { schema: { ...settingsBody, properties: { schema: {}, adopt: { type: 'boolean' } } } },
        },
        responses: { 201: jsonResponse('The topic.', objectOf({ topic: ref('Topic'), warnings: listOf(text) })) },
      },
      query: {},
      async handle(exchange) {
        const { settings, allowAnything, adopt, schemas } = await described(exchange, ['schema', 'adopt']);
        const name = exchange.params['topic'] ?? '';
        const { warnings, ...topic } = await topics.create({
          name,
          settings,
          schema: schemas[0],
          adopt,
          allowAnything,
        });
        sendJson(exchange.response, 201, { topic: topicJson(topic), warnings });
      },
    }),
    route({
      method: 'PUT',
      path: '/v1/topics/{topic}',
      operation: {
        id: 'applyTopic',
        summary: 'Make a topic as described: create it, or change it',
        description:
          'The same twice changes nothing. Settings that are not named keep their value. `schemas` has all versions from 1 on; a version that exists is never changed.',
        tag: 'operate',
        params,
        body: {
          'application/json': { schema: { ...settingsBody, properties: { schemas: { type: 'array', items: {} } } } },
        },
        responses: { 200: jsonResponse('The topic, and what has changed.', changed) },
      },
      query: {},
      async handle(exchange) {
        const { settings, allowAnything, schemas } = await described(exchange, ['schemas']);
        const name = exchange.params['topic'] ?? '';
        const versions = schemas.map((definition, i) => ({ version: i + 1, definition }));
        const { topic, changes, warnings } = await topics.apply({ name, settings, schemas: versions, allowAnything });
        sendJson(exchange.response, 200, { topic: topicJson(topic), changes, warnings });
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/topics/{topic}',
      operation: {
        id: 'deleteTopic',
        summary: 'Delete a topic and its events',
        description:
          'TOPIC_IN_USE (409), which names them, where subscribers have streams of it, unless `force` is set.',
        tag: 'operate',
        params,
        responses: { 200: jsonResponse('It is gone.', objectOf({ deleted: text })) },
      },
      query: { force: flagParameter('Also while subscribers have streams of it: the streams end.', false) },
      async handle({ response, params: { topic = '' } }, { force = false }) {
        await (force ? topics.delete(topic) : topics.deleteUnused(topic));
        sendJson(response, 200, { deleted: topic });
      },
    }),
  ];
}

const form = '{"partitions": 3, "schemaless": true}';

/** @param beside the members that are no settings */
async function described(exchange: Exchange, beside: readonly ('schema' | 'schemas' | 'adopt')[]): Promise<Described> {
  const type = headerOf(exchange, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    const detail = `send the settings as JSON, such as ${form}, with content-type: application/json`;
    throw new ProblemError({ status: 415, title: 'Unsupported Media Type', detail }, { accept: 'application/json' });
  }
  const body = await readBody(exchange, mostBytes);
  const settings: [string, unknown][] = [];
  const schemas: string[] = [];
  let adopt = false;
  for (const [name, value] of membersIn(body)) {
    const isBeside = beside.some((each) => each === name);
    if (!isBeside) settings.push([name, JSON.parse(value)]);
    else if (name === 'schema') schemas.push(value);
    else if (name === 'schemas') schemas.push(...elementsIn(value));
    else if (value === 'true' || value === 'false') adopt = value === 'true';
    else throw invalid('adopt', 'adopt is true or false');
  }
  return { ...settingsFromJson(settings), adopt, schemas };
}

/** The members of a body that is an object, with their values as they are written. Throws INVALID_REQUEST. */
function membersIn(body: Uint8Array): (readonly [name: string, value: string])[] {
  try {
    const members = membersOf(body, wholeValue(body));
    if (members === undefined) throw invalid('body', `the body is not a JSON object; it has to be such as ${form}`);
    return members.map(({ name, value }) => [name, jsonText(body, value.start, value.end)] as const);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw invalid('body', `the body is not JSON: ${error.message}`);
    throw error;
  }
}

function elementsIn(list: string): string[] {
  if (!list.startsWith('[')) throw invalid('schemas', 'schemas is a list of JSON Schemas: version 1, 2, …');
  const bytes = Buffer.from(list);
  return elementsOf(bytes, () => undefined).map(({ start, end }) => jsonText(bytes, start, end));
}

function invalid(field: string, message: string): BusError {
  return new BusError('INVALID_REQUEST', message, { metadata: { field } });
}
