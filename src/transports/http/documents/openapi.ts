import type { JsonObject, QueryParameter } from '../query.js';
import type { AnyRoute } from '../route.js';
import { components } from './components.js';
import { ref } from './schema-parts.js';

export const apiInfo = {
  title: 'Mainstem',
  version: '1',
  summary: 'A streaming data bus: publish JSON events, stream them live or from any point in the past.',
  license: { name: 'Apache 2.0', identifier: 'Apache-2.0' },
};

const tags = [
  { name: 'publish', description: 'Events into topics.' },
  { name: 'subscribe', description: 'Records out of them, and commits.' },
  { name: 'explore', description: 'What there is.' },
  { name: 'operate', description: 'How the server is.' },
];

/** OpenAPI says these elsewhere, and ignores them as parameters. */
const saidElsewhere = ['accept', 'content-type', 'authorization'];

/** The plain routes as OpenAPI 3.1: what a route declares, and the problems that any may answer with. */
export function openApi(routes: readonly AnyRoute[]): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      ...apiInfo,
      description:
        'The plain routes; the same bus speaks Connect, gRPC and gRPC-Web, which clients find by reflection. HEAD is GET without a body, OPTIONS says what a path takes. A query parameter that a route does not know is refused.',
    },
    servers: [{ url: '/' }],
    tags,
    paths,
    components: {
      schemas: components,
      responses: {
        Problem: {
          description: 'What is wrong, and what to do (RFC 9457).',
          headers: {
            'Retry-After': { description: 'Seconds, where it makes sense to try again.', schema: { type: 'integer' } },
          },
          content: { 'application/problem+json': { schema: ref('Problem') } },
        },
      },
    },
  };
}

function operationOf({ operation, query }: AnyRoute): JsonObject {
  const { id, summary, description, tag, params = {}, headers = {}, body, responses } = operation;
  const parameters = [
    ...Object.entries(params).map(([name, text]) => {
      return { name, in: 'path', required: true, description: text, schema: { type: 'string' } };
    }),
    ...Object.entries(query).map(([name, parameter]) => queryParameter(name, parameter)),
    ...Object.entries(headers)
      .filter(([name]) => !saidElsewhere.includes(name.toLowerCase()))
      .map(([name, text]) => ({ name, in: 'header', description: text, schema: { type: 'string' } })),
  ];
  return {
    operationId: id,
    summary,
    ...(description && { description }),
    tags: [tag],
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { content: body } }),
    responses: { ...responses, default: { $ref: '#/components/responses/Problem' } },
  };
}

function queryParameter(name: string, { description, schema, repeats }: QueryParameter<unknown>): JsonObject {
  return {
    name,
    in: 'query',
    description,
    schema: repeats ? { type: 'array', items: schema } : schema,
    ...(repeats && { style: 'form', explode: true }),
  };
}
