import type { SubscriberAdmin, SubscriberDetail, SubscriberInfo } from '../../../core/subscribers/subscriber.js';
import { count, described, flag, jsonResponse, listOf, objectOf, ref, text, time } from '../documents/schema-parts.js';
import { sendJson } from '../problem.js';
import { type JsonObject, numberParameter, textParameter } from '../query.js';
import { type AnyRoute, route } from '../route.js';
import { subscriberPath } from './links.js';

const perPage = { from: 1, to: 10_000, fallback: 1_000 };

/** Who subscribes, and how far it has come. */
export function subscriberRoutes(subscribers: SubscriberAdmin): AnyRoute[] {
  return [
    route({
      method: 'GET',
      path: '/v1/subscribers',
      operation: {
        id: 'listSubscribers',
        summary: 'The durable subscribers, by name',
        tag: 'explore',
        responses: { 200: jsonResponse('The subscribers.', ref('SubscriberList')) },
      },
      query: {
        limit: numberParameter('So many at most.', perPage),
        after: textParameter('Those whose names come after this one.'),
      },
      async handle({ response }, { limit = perPage.fallback, after = '' }) {
        const found = (await subscribers.list()).filter(({ name }) => name > after);
        const page = found.slice(0, limit);
        sendJson(response, 200, {
          subscribers: page.map(infoJson),
          ...(found.length > page.length && { next: page.at(-1)?.name }),
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/subscribers/{name}',
      operation: {
        id: 'getSubscriber',
        summary: 'A subscriber: its streams, its positions, how far behind they are',
        tag: 'explore',
        params: { name: 'The subscriber.' },
        responses: { 200: jsonResponse('The subscriber.', ref('SubscriberDetail')) },
      },
      query: {},
      async handle({ response, params: { name = '' } }) {
        sendJson(response, 200, detailJson(await subscribers.get(name)));
      },
    }),
  ];
}

function infoJson({ lastCommit, ...info }: SubscriberInfo): JsonObject {
  return { ...info, lastCommit: timeText(lastCommit), links: { self: subscriberPath(info.name) } };
}

function detailJson({ subscriber, streams, positions, parked, expires }: SubscriberDetail): JsonObject {
  const { streams: connected, ...info } = infoJson(subscriber);
  return {
    ...info,
    connected,
    parked,
    expires: timeText(expires),
    streams,
    positions: positions.map(({ lastCommit, streamId, ...position }) => {
      const owner = streamId === '' ? undefined : streamId;
      return { ...position, lastCommit: timeText(lastCommit), streamId: owner };
    }),
  };
}

function timeText(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

const infoMembers = {
  name: text,
  topics: listOf(text),
  'lag?': described(count, 'Records that are not committed. Absent where the log did not tell.'),
  'lastCommit?': time,
  links: { type: 'object', additionalProperties: text },
};

export const subscriberSchemas: Readonly<Record<string, JsonObject>> = {
  Subscriber: objectOf({ ...infoMembers, streams: described(count, 'How many are connected.') }),
  SubscriberList: objectOf({
    subscribers: listOf(ref('Subscriber')),
    'next?': described(text, 'There are more: ask again with `after` set to this.'),
  }),
  SubscriberDetail: objectOf({
    ...infoMembers,
    connected: described(count, 'How many streams are connected.'),
    'parked?': count,
    'expires?': described(time, 'When it is forgotten if it stays idle.'),
    streams: listOf(
      objectOf({
        id: text,
        instance: text,
        partitions: listOf(objectOf({ topic: text, partitions: listOf(count) })),
        'generation?': described(count, 'Absent while it waits.'),
        'readerSchemaVersion?': count,
      }),
    ),
    positions: listOf(
      objectOf({
        topic: text,
        partition: count,
        next: described(count, 'The first offset that is not committed.'),
        'earliest?': count,
        'highWatermark?': count,
        'lag?': count,
        'lagMs?': described(count, 'The age of the first record that is not committed.'),
        'streamId?': described(text, 'The stream that owns it.'),
        generation: count,
        'lastCommit?': time,
        stuck: flag,
        stale: described(flag, 'Of an earlier topic of that name.'),
      }),
    ),
  }),
};
