import type { JsonObject } from '../query.js';
import { ndjsonType } from './ndjson.js';
import { sseType } from './server-sent-events.js';

const offset = { type: 'integer', minimum: 0 };
const text = { type: 'string' };
const incarnation = {
  type: 'string',
  description: 'The life of the topic: one that is deleted and created again has another.',
};
const cursor = { type: 'string', description: 'Where to go on from: `from` and Last-Event-ID take it.' };

/** A record's line, as JSON Schema. */
const recordSchema: JsonObject = {
  title: 'A record',
  type: 'object',
  required: ['topic', 'partition', 'offset', 'time'],
  properties: {
    topic: text,
    partition: offset,
    offset,
    time: { type: 'string', format: 'date-time', description: 'When it was stored.' },
    key: text,
    keyBase64: { type: 'string', description: 'A key that is not UTF-8.' },
    schemaVersion: { type: 'integer', minimum: 1 },
    id: text,
    source: text,
    type: text,
    subject: text,
    eventTime: text,
    attributes: { type: 'object', additionalProperties: text },
    headers: {
      type: 'array',
      items: { type: 'object', required: ['name'], properties: { name: text, value: text, valueBase64: text } },
    },
    redriven: { type: 'object', description: 'Of a parked record that comes again: where it came from.' },
    data: { description: "The payload, in the publisher's own bytes; raw line ends are spaces." },
    dataBase64: { type: 'string', description: 'A payload that is not JSON.' },
    tombstone: { const: true, description: 'A null value: on a compacted topic, the deletion of the key.' },
    noData: { const: true, description: 'An event without data, as CloudEvents may be.' },
  },
};

const assignment = {
  type: 'object',
  required: ['topics', 'waiting', 'cursor'],
  properties: {
    topics: {
      type: 'array',
      items: {
        type: 'object',
        properties: { topic: text, incarnation, partitions: { type: 'array', items: offset } },
      },
    },
    generation: { type: 'integer', description: 'What a commit has to name.' },
    waiting: { type: 'boolean', description: 'Other streams of the subscriber have everything.' },
    cursor,
  },
};

/** What control frames say, by name. */
const controlSchemas: Readonly<Record<string, JsonObject>> = {
  ready: { type: 'object', required: ['cursor', 'streamId'], properties: { cursor, streamId: text, assignment } },
  heartbeat: {
    type: 'object',
    required: ['cursor', 'partitions'],
    properties: {
      cursor,
      partitions: {
        type: 'array',
        items: {
          type: 'object',
          properties: { topic: text, incarnation, partition: offset, nextOffset: offset, highWatermark: offset },
        },
      },
      filterErrors: {
        type: 'object',
        description:
          'Records for which the filter gave no answer, and which were not sent; absent while there are none.',
        required: ['failed', 'firstError'],
        properties: { failed: offset, firstError: text },
      },
    },
  },
  gap: {
    type: 'object',
    description: 'Records that will not come: `fromOffset` up to, and without, `toOffset`.',
    properties: {
      topic: text,
      incarnation,
      partition: offset,
      fromOffset: offset,
      toOffset: offset,
      reason: { enum: ['retention', 'too_large', 'topic_recreated', 'log_truncated'] },
      message: text,
      cursor,
    },
  },
  assignment,
  end: {
    type: 'object',
    required: ['reason'],
    properties: {
      reason: {
        enum: [
          'caught_up',
          'limit',
          'until',
          'filter_too_costly',
          'positions_not_set',
          'shutting_down',
          'subscriber_reset',
          'unavailable',
        ],
      },
      message: text,
      cursor,
      retryDelayMs: { type: 'integer', description: 'How soon it makes sense to come back.' },
      error: { type: 'object', description: 'Problem details, with `unavailable`, which only text/event-stream has.' },
    },
  },
};

const members = {
  ...controlSchemas,
  cursor,
  error: { type: 'object', description: 'Problem details; the last line.' },
};

/** A line of NDJSON, as JSON Schema. */
const lineSchema: JsonObject = {
  anyOf: [
    recordSchema,
    ...Object.entries(members).map(([name, schema]) => ({
      type: 'object',
      required: [name],
      properties: { [name]: schema },
      additionalProperties: false,
    })),
  ],
};

export const streamResponses: Readonly<Record<string, JsonObject>> = {
  200: {
    description: 'The stream.',
    content: {
      [ndjsonType]: { schema: lineSchema },
      [sseType]: {
        schema: {
          type: 'string',
          description:
            '`message` events with a record each; control frames as events of their name. The last event of each write, every 64 KiB at the latest, has an `id`: the cursor ' +
            'after it.',
        },
      },
    },
  },
  204: {
    description:
      'To Last-Event-ID on text/event-stream: with follow=false or until, and without a subscriber, nothing is left. An EventSource stays away then.',
  },
  406: { description: 'The Accept header has neither of the two types.' },
};
