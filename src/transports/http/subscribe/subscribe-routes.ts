import { BusError } from '../../../core/errors.js';
import type { SubscribeCommand } from '../../../core/subscribe/frames.js';
import { acceptedType } from '../accept.js';
import { type Exchange, headerOf } from '../exchange.js';
import { ProblemError } from '../problem.js';
import { type QueryParameter, textParameter } from '../query.js';
import { type AnyRoute, type Operation, route } from '../route.js';
import { answerStream, type StreamServer } from './answer-stream.js';
import { commitRoute } from './commit-route.js';
import { compareRoute } from './compare-route.js';
import { keepAliveRoute } from './keep-alive-route.js';
import { ndjson, ndjsonPayloads, ndjsonType } from './ndjson.js';
import { serverSentEvents, sseType } from './server-sent-events.js';
import { setPositionsRoute } from './set-positions-route.js';
import type { StreamFormat } from './stream-format.js';
import { streamResponses } from './stream-schemas.js';
import { type SubscribeQuery, subscribeQuery, toCommand } from './subscribe-query.js';

const offered = [ndjsonType, sseType] as const;

/** Streams of one topic and of several, for curl and for EventSource, and commits. */
export function subscribeRoutes(server: StreamServer): AnyRoute[] {
  return [
    route({
      method: 'GET',
      path: '/v1/topics/{topic}/events',
      operation: {
        ...common,
        id: 'streamTopic',
        summary: 'Stream the records of a topic, live or from any point in the past',
        params: { topic: 'The topic.' },
      },
      query: subscribeQuery,
      handle: (exchange, query) => serve(server, exchange, { topic: exchange.params.topic ?? '' }, query),
    }),
    route({
      method: 'GET',
      path: '/v1/events',
      operation: {
        ...common,
        id: 'streamTopics',
        summary: 'Stream the records of several topics, or of those that match a pattern',
      },
      query: {
        ...subscribeQuery,
        topics: namesParameter('The topics: separated by commas, or several times. 1 to 100.'),
        pattern: textParameter(
          'In place of topics: such as orders.*, where * stands for any characters. What is created later joins.',
        ),
      },
      handle: (exchange, query) => serve(server, exchange, severalTopics(query), query),
    }),
    commitRoute(server.subscriptions),
    compareRoute,
    keepAliveRoute(server.subscriptions),
    setPositionsRoute(server.subscriptions),
  ];
}

const common: Omit<Operation, 'id' | 'summary'> = {
  tag: 'subscribe',
  description:
    'A line per record and per control frame; after each slice of records the cursor to go on from. Payloads are shown as they were written, except that a line break inside one is a space. A retryable condition is an error to readers of NDJSON, and to readers of ' +
    'text/event-stream an `end` event with status 200, since EventSource does not come back after an error.',
  headers: {
    accept: 'application/x-ndjson (default) or text/event-stream.',
    'last-event-id': 'The cursor to go on from, as EventSource sends it; goes before `from`.',
    'accept-encoding': 'gzip is used for NDJSON where it is named.',
  },
  responses: streamResponses,
};

async function serve(
  server: StreamServer,
  exchange: Exchange,
  topics: Pick<SubscribeCommand, 'topic' | 'topics' | 'pattern'>,
  query: SubscribeQuery,
): Promise<void> {
  const type = acceptedType(headerOf(exchange, 'accept'), offered);
  if (type === undefined) {
    const detail = `events come as ${offered.join(' or ')}; the Accept header has none of them`;
    throw new ProblemError({ status: 406, title: 'Not Acceptable', detail, offered });
  }
  const format = formatOf(type, query);
  await answerStream(server, exchange, toCommand(topics, query, headerOf(exchange, 'last-event-id')), format);
}

function formatOf(
  type: (typeof offered)[number],
  { data_only: dataOnly = false, id_each: idEach = false }: SubscribeQuery,
): StreamFormat {
  if (type === sseType) return serverSentEvents({ dataOnly, idEach });
  if (idEach) throw invalid('id_each', `id_each is for ${sseType}: ask for it with the Accept header`);
  return dataOnly ? ndjsonPayloads() : ndjson();
}

function severalTopics({ topics, pattern }: { topics: readonly string[][] | undefined; pattern: string | undefined }) {
  if ((topics === undefined) === (pattern === undefined)) {
    throw invalid('topics', 'name what to stream by either topics=a,b or pattern=orders.*');
  }
  return { topics: topics?.flat(), pattern };
}

function namesParameter(description: string): QueryParameter<string[]> & { readonly repeats: true } {
  return {
    description,
    schema: { type: 'array', items: { type: 'string' } },
    repeats: true,
    parse: (text) => text.split(','),
  };
}

function invalid(field: string, message: string): BusError {
  return new BusError('INVALID_REQUEST', message, { metadata: { field } });
}
