import type { Subscriptions } from '../../../core/subscribe/frames.js';
import { numberParameter, textParameter } from '../query.js';
import { type AnyRoute, route } from '../route.js';
import { readJsonBody, requiredStream } from './json-body.js';

const form = '{"streamId":"…","generation":…}';

/** A sign of life of a consumer that commits nothing for a while. */
export function keepAliveRoute(subscriptions: Subscriptions): AnyRoute {
  return route({
    method: 'POST',
    path: '/v1/subscribers/{name}/keep-alive',
    operation: {
      id: 'keepAlive',
      summary: 'Say that a consumer lives though it commits nothing',
      description:
        "The stream's commit_timeout begins anew. Everything stands in the body, or everything in the query. FENCED (409) where the stream has ended, or has lost its partitions.",
      tag: 'subscribe',
      params: { name: 'The subscriber.' },
      body: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['streamId', 'generation'],
            properties: { streamId: { type: 'string' }, generation: { type: 'integer', minimum: 0 } },
            additionalProperties: false,
          },
        },
      },
      responses: {
        204: { description: 'The stream still has its partitions.' },
        415: { description: 'The body is not application/json.' },
      },
    },
    query: {
      stream_id: textParameter('In place of the body.'),
      generation: numberParameter('In place of the body.', { from: 0, to: Number.MAX_SAFE_INTEGER }),
    },
    async handle(exchange, query) {
      const { response, params, signal } = exchange;
      const hasQuery = query.stream_id !== undefined || query.generation !== undefined;
      const found = hasQuery
        ? { streamId: query.stream_id, generation: query.generation }
        : await readJsonBody(exchange, ['streamId', 'generation'], form);
      const of = { subscriber: params.name ?? '', ...requiredStream(found) };
      await subscriptions.keepAlive(of, signal);
      response.writeHead(204).end();
    },
  });
}
