import type { Subscriptions } from '../../../core/subscribe/frames.js';
import { numberParameter, textParameter } from '../query.js';
import { type AnyRoute, route } from '../route.js';
import { readJsonBody, requiredStream } from './json-body.js';
import { positionParameter, positionsIn, positionsSchema } from './positions.js';

const form = '{"streamId":"…","generation":…,"positions":[…]}';

/** Where the store of a consumer is, for a stream with `positions=client`. */
export function setPositionsRoute(subscriptions: Subscriptions): AnyRoute {
  return route({
    method: 'POST',
    path: '/v1/subscribers/{name}/positions',
    operation: {
      id: 'setPositions',
      summary: 'Say where the partitions of a stream begin',
      description:
        'For a stream with `positions=client`, after each assignment: a partition is sent from its position on. The committed positions stay. Nothing is set if one position is refused ' +
        '(CURSOR_STALE_TOPIC, CURSOR_EXPIRED, CURSOR_AHEAD). FENCED (409) where the stream does not own a partition under this generation. Everything stands in the body, or everything in the query.',
      tag: 'subscribe',
      params: { name: 'The subscriber.' },
      body: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['streamId', 'generation', 'positions'],
            properties: {
              streamId: { type: 'string' },
              generation: { type: 'integer', minimum: 0 },
              positions: positionsSchema,
            },
            additionalProperties: false,
          },
        },
      },
      responses: {
        204: { description: 'The positions are set.' },
        415: { description: 'The body is not application/json.' },
      },
    },
    query: {
      stream_id: textParameter('In place of the body.'),
      generation: numberParameter('In place of the body.', { from: 0, to: Number.MAX_SAFE_INTEGER }),
      position: positionParameter,
    },
    async handle(exchange, query) {
      const { response, params, signal } = exchange;
      const hasQuery = query.stream_id !== undefined || query.generation !== undefined || query.position !== undefined;
      const found = hasQuery
        ? { streamId: query.stream_id, generation: query.generation, positions: query.position ?? [] }
        : await readJsonBody(exchange, ['streamId', 'generation', 'positions'], form);
      const of = { subscriber: params.name ?? '', ...requiredStream(found) };
      await subscriptions.setPositions(of, positionsIn(found.positions), signal);
      response.writeHead(204).end();
    },
  });
}
