import { BusError } from '../../../core/errors.js';
import type { CommitCommand, Subscriptions } from '../../../core/subscribe/frames.js';
import { sendJson } from '../problem.js';
import { numberParameter, textParameter } from '../query.js';
import { type AnyRoute, route } from '../route.js';
import { readJsonBody, requiredGeneration } from './json-body.js';
import { positionParameter, positionsIn, positionsSchema } from './positions.js';

const form = '{"cursor":"…","generation":…}, or with "positions":[…] beside the cursor or in place of it';

/** Commits of a durable subscriber: a cursor that a stream has shown, or positions, for the owner with this generation. */
export function commitRoute(subscriptions: Subscriptions): AnyRoute {
  return route({
    method: 'POST',
    path: '/v1/subscribers/{name}/commit',
    operation: {
      id: 'commit',
      summary: 'Commit a cursor or positions: where the subscriber goes on',
      description:
        'Durable when it is answered, and forward only. Everything stands in the body, or everything in the query. A position names a place between two cursors. ' +
        'FENCED (409) where the generation has not the partition any more: nothing of that partition changes, others are committed. SUBSCRIBER_NOT_FOUND (404) where there is no such subscriber.',
      tag: 'subscribe',
      params: { name: 'The subscriber.' },
      body: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['generation'],
            properties: {
              cursor: { type: 'string' },
              positions: positionsSchema,
              generation: { type: 'integer', minimum: 0 },
            },
            additionalProperties: false,
          },
        },
      },
      responses: {
        200: { description: 'Where the subscriber goes on.', content: { 'application/json': { schema: committed } } },
        415: { description: 'The body is not application/json.' },
      },
    },
    query: {
      cursor: textParameter('In place of the body.'),
      position: positionParameter,
      generation: numberParameter('In place of the body.', { from: 0, to: Number.MAX_SAFE_INTEGER }),
    },
    async handle(exchange, { cursor, position, generation }) {
      const { response, params, signal } = exchange;
      const hasQuery = cursor !== undefined || position !== undefined || generation !== undefined;
      const found = hasQuery
        ? { cursor, generation, ...(position && { positions: position }) }
        : await readJsonBody(exchange, ['cursor', 'generation', 'positions'], form);
      const command: CommitCommand = { subscriber: params.name ?? '', ...toCommit(found) };
      sendJson(response, 200, { positions: await subscriptions.commit(command, signal) });
    },
  });
}

const committed = {
  type: 'object',
  required: ['positions'],
  properties: {
    positions: {
      type: 'array',
      items: {
        type: 'object',
        required: ['topic', 'partition', 'nextOffset'],
        properties: {
          topic: { type: 'string' },
          partition: { type: 'integer' },
          nextOffset: { type: 'integer', description: 'Of the record that comes next.' },
        },
      },
    },
  },
};

interface Given {
  readonly cursor?: unknown;
  readonly positions?: unknown;
  readonly generation?: unknown;
}

function toCommit({ cursor, positions, generation }: Given): Omit<CommitCommand, 'subscriber'> {
  if (cursor !== undefined && typeof cursor !== 'string') throw invalid('cursor', 'cursor is not a string');
  if (cursor === undefined && positions === undefined) {
    throw invalid('cursor', 'cursor is required, a string: what the stream has shown; or positions in place of it');
  }
  return {
    cursor,
    positions: positions === undefined ? [] : positionsIn(positions),
    generation: requiredGeneration(generation),
  };
}

function invalid(field: string, message: string): BusError {
  return new BusError('INVALID_REQUEST', message, { metadata: { field } });
}
