import { BusError } from '../../../core/errors.js';
import type { Subscriptions } from '../../../core/subscribe/frames.js';
import { readBody } from '../body.js';
import { type Exchange, headerOf } from '../exchange.js';
import { ProblemError, sendJson } from '../problem.js';
import { numberParameter, textParameter } from '../query.js';
import { type AnyRoute, route } from '../route.js';

/** A cursor has 256 KiB at most. */
const mostBytes = 300 * 1024;

/** Commits of a durable subscriber: the cursor that a stream has shown, for the owner with this generation. */
export function commitRoute(subscriptions: Subscriptions): AnyRoute {
  return route({
    method: 'POST',
    path: '/v1/subscribers/{name}/commit',
    operation: {
      id: 'commit',
      summary: 'Commit a cursor: where the subscriber goes on',
      description:
        'Durable when it is answered, and forward only. Cursor and generation stand in the body, or both in the query. FENCED (409) where the generation has not the partition any more: ' +
        'nothing of that partition changes, others are committed. SUBSCRIBER_NOT_FOUND (404) where there is no such subscriber.',
      tag: 'subscribe',
      params: { name: 'The subscriber.' },
      body: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['cursor', 'generation'],
            properties: { cursor: { type: 'string' }, generation: { type: 'integer', minimum: 0 } },
            additionalProperties: false,
          },
        },
      },
      responses: {
        200: { description: 'Where the subscriber goes on.', content: { 'application/json': { schema: positions } } },
        415: { description: 'The body is not application/json.' },
      },
    },
    query: {
      cursor: textParameter('In place of the body.'),
      generation: numberParameter('In place of the body.', { from: 0, to: Number.MAX_SAFE_INTEGER }),
    },
    async handle(exchange, query) {
      const { response, params, signal } = exchange;
      const hasQuery = query.cursor !== undefined || query.generation !== undefined;
      if (!hasQuery && !isJson(headerOf(exchange, 'content-type'))) {
        const detail =
          'send {"cursor":"…","generation":…} with content-type: application/json, or both in the query and no body';
        throw new ProblemError(
          { status: 415, title: 'Unsupported Media Type', detail },
          { accept: 'application/json' },
        );
      }
      const { cursor, generation } = hasQuery ? query : await bodyOf(exchange);
      const command = { subscriber: params.name ?? '', ...required(cursor, generation) };
      sendJson(response, 200, { positions: await subscriptions.commit(command, signal) });
    },
  });
}

const positions = {
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

function isJson(contentType: string | undefined): boolean {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() === 'application/json';
}

async function bodyOf(exchange: Exchange): Promise<{ cursor?: unknown; generation?: unknown }> {
  const bytes = await readBody(exchange, mostBytes);
  const body = parsed(new TextDecoder().decode(bytes));
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid('body', 'the body of a commit is {"cursor":"…","generation":…}');
  }
  const unknown = Object.keys(body).find((name) => name !== 'cursor' && name !== 'generation');
  if (unknown === undefined) return body;
  throw invalid(
    unknown.slice(0, 80),
    `the body has ${JSON.stringify(unknown.slice(0, 80))}; possible are cursor and generation`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('body', 'the body is not JSON; it is to be {"cursor":"…","generation":…}');
  }
}

function required(cursor: unknown, generation: unknown): { cursor: string; generation: number } {
  if (typeof cursor !== 'string') throw invalid('cursor', 'cursor is required, a string: what the stream has shown');
  if (typeof generation === 'number' && Number.isSafeInteger(generation) && generation >= 0) {
    return { cursor, generation };
  }
  throw invalid(
    'generation',
    "generation is required, a whole number: it is in the assignment of the subscriber's stream",
  );
}

function invalid(field: string, message: string): BusError {
  return new BusError('INVALID_REQUEST', message, { metadata: { field } });
}
