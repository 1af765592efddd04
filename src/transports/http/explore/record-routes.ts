import type { Exploration } from '../../../core/explore/exploration.js';
import type { FieldProfile } from '../../../core/explore/profile/field.js';
import { type Profile, profileLimits } from '../../../core/explore/profile/profile.js';
import { count, described, flag, jsonResponse, listOf, objectOf, ref, text } from '../documents/schema-parts.js';
import { send, sendJson } from '../problem.js';
import { type JsonObject, numberParameter } from '../query.js';
import { recordLine } from '../record-line.js';
import { type AnyRoute, route } from '../route.js';
import { pathNumber } from './path-number.js';

/** One record, and what the newest ones look like. */
export function recordRoutes(exploration: Exploration): AnyRoute[] {
  return [
    route({
      method: 'GET',
      path: '/v1/topics/{topic}/events/{partition}/{offset}',
      operation: {
        id: 'getRecord',
        summary: 'One record, as streams have it',
        description:
          'RECORD_NOT_FOUND says what there is instead: where the partition begins and ends, and the next record.',
        tag: 'explore',
        params: { topic: 'The topic.', partition: 'From 0.', offset: 'From 0.' },
        responses: { 200: jsonResponse('The record.', ref('Record')) },
      },
      query: {},
      async handle({ response, params, signal }) {
        const { topic = '' } = params;
        const partition = pathNumber('partition', params['partition']);
        const offset = pathNumber('offset', params['offset']);
        const delivery = await exploration.record(topic, partition, offset, signal);
        send(response, 200, recordLine(topic, delivery), { 'content-type': 'application/json' });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/topics/{topic}/profile',
      operation: {
        id: 'profileTopic',
        summary:
          'What the newest events look like: each field with its presence, types, distinct values, range and examples',
        description:
          'Reads from the end backwards, each partition its share, 128 MiB and 10 s at most; `cut` says what ended it earlier than asked, `ranges` what was looked at. ' +
          'Follows 1,000 paths, 32 levels deep; `valuesLeft` counts what is beyond. Two profiles are made at a time.',
        tag: 'explore',
        params: { topic: 'The topic.' },
        responses: { 200: jsonResponse('The profile.', ref('Profile')) },
      },
      query: {
        last: numberParameter('How many of the newest records.', {
          from: 1,
          to: profileLimits.last,
          fallback: profileLimits.defaultLast,
        }),
      },
      async handle({ response, params: { topic = '' }, signal }, { last = profileLimits.defaultLast }) {
        sendJson(response, 200, profileJson(await exploration.profile(topic, last, signal)));
      },
    }),
  ];
}

/** JSON leaves out what is undefined; a share of thirds need not have 17 digits. */
function profileJson({ fields, ...facts }: Profile): JsonObject {
  const shown = ({ presence, ...field }: FieldProfile) => {
    const { path, events, ...rest } = field;
    return { path, presence: Number(presence.toFixed(4)), events, ...rest };
  };
  return { ...facts, fields: fields.map(shown) };
}

const spanOf = (schema: JsonObject) => objectOf({ min: schema, max: schema });

export const recordSchemas: Readonly<Record<string, JsonObject>> = {
  Profile: objectOf({
    topic: text,
    records: described(count, 'How many records were looked at.'),
    events: described(count, 'How many of them are JSON.'),
    notJson: count,
    tombstones: count,
    bytes: count,
    ranges: described(
      listOf(objectOf({ partition: count, from: count, to: count })),
      'From `from` up to the one before `to`.',
    ),
    'cut?': { type: 'string', enum: ['bytes', 'time'] },
    all: described(flag, 'Whether it holds everything that the topic retains.'),
    valuesLeft: described(count, 'Values at places that were not followed.'),
    elapsedMs: count,
    fields: listOf(
      objectOf({
        path: described(text, 'JSON Pointer; `*` stands for every element of an array.'),
        presence: { type: 'number', minimum: 0, maximum: 1 },
        events: count,
        values: count,
        types: { type: 'object', additionalProperties: count },
        'distinct?': objectOf({ count, exact: flag }),
        'numbers?': spanOf({ type: 'number' }),
        'texts?': spanOf(text),
        'textLengths?': spanOf(count),
        'arrayLengths?': spanOf(count),
        examples: listOf({ type: ['string', 'number', 'boolean'] }),
      }),
    ),
  }),
};
