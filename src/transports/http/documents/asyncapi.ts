import { parseExact } from '../../../core/numbers/exact-json.js';
import type { JsonObject } from '../query.js';
import type { AnyRoute } from '../route.js';
import { components } from './components.js';
import { apiInfo } from './openapi.js';

/** A topic with the schema that applies to it, as JSON text; undefined where it has none, or one that is too large to be shown. */
export interface DescribedTopic {
  readonly name: string;
  readonly definition: string | undefined;
}

const address = '/v1/topics/{topic}/events';
const channelRef = (id: string): JsonObject => ({ $ref: `#/channels/${id}` });
const messageRef = (channel: string, name: string): JsonObject => ({ $ref: `#/channels/${channel}/messages/${name}` });

/**
 * The streams as AsyncAPI 3.0: a channel for any topic, and one for each topic that exists, with its schema. What of it is served the routes say.
 *
 * @param origin `http://localhost:8080`
 */
export function asyncApi(routes: readonly AnyRoute[], topics: readonly DescribedTopic[], origin: string): JsonObject {
  const { host, protocol } = new URL(origin);
  const channels: Record<string, JsonObject> = { topic: anyTopic() };
  for (const topic of topics) channels[channelId(topic)] = channelOf(topic);
  const operations: Record<string, JsonObject> = {};
  for (const [channel, title] of [['topic', 'any topic'], ...topics.map((each) => [channelId(each), each.name])]) {
    if (channel === undefined || title === undefined) continue;
    const suffix = channel === 'topic' ? '' : `.${channel}`;
    if (serves(routes, 'POST')) operations[`publish${suffix}`] = operation('receive', 'POST', channel, 'event', title);
    if (serves(routes, 'GET')) operations[`stream${suffix}`] = operation('send', 'GET', channel, 'record', title);
  }
  const { title, version, license } = apiInfo;
  return {
    asyncapi: '3.0.0',
    info: {
      title,
      version,
      description:
        'Events go in by POST, one or many (see /openapi.json), and come out as lines of NDJSON or as server-sent events.',
      license: { name: license.name, url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: { bus: { host, protocol: protocol.slice(0, -1) } },
    channels,
    operations,
    components: { schemas: { Record: components['Record'] } },
  };
}

function serves(routes: readonly AnyRoute[], method: string): boolean {
  return routes.some((route) => route.path === address && route.method === method);
}

function channelId({ name }: DescribedTopic): string {
  return `topic-${name}`;
}

function anyTopic(): JsonObject {
  return {
    address,
    title: 'Any topic',
    parameters: { topic: { description: "The topic's name." } },
    messages: messages({ description: 'JSON that the schema of the topic accepts.' }),
  };
}

function channelOf({ name, definition }: DescribedTopic): JsonObject {
  const schema: unknown = definition === undefined ? true : parseExact(definition).document;
  return {
    address: address.replace('{topic}', encodeURIComponent(name)),
    title: name,
    messages: messages({ schemaFormat: 'application/schema+json;version=draft-2020-12', schema }),
  };
}

function messages(payload: JsonObject): JsonObject {
  return {
    event: { title: 'An event', contentType: 'application/json', payload },
    record: {
      title: 'A record',
      contentType: 'application/x-ndjson',
      payload: { $ref: '#/components/schemas/Record' },
    },
  };
}

function operation(
  action: 'send' | 'receive',
  method: string,
  channel: string,
  message: string,
  title: string,
): JsonObject {
  return {
    action,
    channel: channelRef(channel),
    title: action === 'receive' ? `Publish to ${title}` : `Stream ${title}`,
    bindings: { http: { method, bindingVersion: '0.3.0' } },
    messages: [messageRef(channel, message)],
  };
}
