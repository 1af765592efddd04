import type { SchemaRegistry } from '../../../core/schema-registry/commands.js';
import type { TopicAdmin } from '../../../core/topics/topic.js';
import { sendJson } from '../problem.js';
import { type AnyRoute, route } from '../route.js';
import { asyncApi, type DescribedTopic } from './asyncapi.js';
import { openApi } from './openapi.js';
import { jsonResponse } from './schema-parts.js';

/** So many topics stand in a document, with so much of their schemas. */
const mostTopics = 100;
const mostCharacters = { schema: 64 * 1024, all: 1024 * 1024 };

/**
 * The documents that machines read, made from the routes themselves.
 *
 * @param routes all that are served: asked when a document is
 */
export function documentRoutes(
  { topics, schemas }: { readonly topics: TopicAdmin; readonly schemas: SchemaRegistry },
  routes: () => readonly AnyRoute[],
): AnyRoute[] {
  return [
    route({
      method: 'GET',
      path: '/openapi.json',
      operation: {
        id: 'openApi',
        summary: 'These routes, as OpenAPI 3.1',
        tag: 'explore',
        responses: { 200: jsonResponse('The document.', { type: 'object' }) },
      },
      query: {},
      handle: ({ response }) => sendJson(response, 200, openApi(routes())),
    }),
    route({
      method: 'GET',
      path: '/asyncapi.json',
      operation: {
        id: 'asyncApi',
        summary: 'The streams, as AsyncAPI 3.0: a channel for each of the first 100 topics, with its schema',
        tag: 'explore',
        responses: { 200: jsonResponse('The document.', { type: 'object' }) },
      },
      query: {},
      async handle({ response, origin }) {
        const found = (await topics.list()).filter(({ state }) => state === 'active').slice(0, mostTopics);
        const described: DescribedTopic[] = [];
        let left = mostCharacters.all;
        for (const { name, latestSchemaVersion } of found) {
          const text = latestSchemaVersion === undefined || left <= 0 ? undefined : await definitionOf(schemas, name);
          const shown = text !== undefined && isShown(text, left) ? text : undefined;
          left -= shown?.length ?? 0;
          described.push({ name, definition: shown });
        }
        sendJson(response, 200, asyncApi(routes(), described, origin));
      },
    }),
  ];
}

/** Undefined for a topic that is gone meanwhile, or has no open version. */
async function definitionOf(schemas: SchemaRegistry, topic: string): Promise<string | undefined> {
  return schemas.get(topic, undefined).then(
    ({ definition }) => definition,
    () => undefined,
  );
}

/** A reference would be taken for one into this document. */
function isShown(definition: string, left: number): boolean {
  return (
    definition.length <= Math.min(left, mostCharacters.schema) && !/"\$(ref|dynamicRef|recursiveRef)"/.test(definition)
  );
}
