import type { JsonObject } from '../query.js';
import type { Operation } from '../route.js';
import { keyHeader } from './key.js';

const violation: JsonObject = {
  type: 'object',
  required: ['pointer', 'rule', 'message'],
  properties: {
    pointer: { type: 'string', description: 'JSON Pointer into the payload; empty for the payload itself.' },
    rule: { type: 'string', description: 'The schema keyword that refuses, such as `minimum`.' },
    message: { type: 'string' },
  },
};

const resultProperties: JsonObject = {
  status: {
    enum: ['stored', 'rejected', 'not_stored', 'unknown'],
    description:
      '`stored`: durable. `rejected`: invalid, a retry will not help. `not_stored`: a retry is safe. `unknown`: it may be stored.',
  },
  partition: { type: 'integer', minimum: 0 },
  offset: { type: 'integer', minimum: 0 },
  time: { type: 'string', format: 'date-time', description: 'When the log stored it.' },
  schemaVersion: { type: 'integer', minimum: 1, description: 'Absent on topics without a schema.' },
  duplicate: {
    const: true,
    description: "It was stored earlier, by an event with the same identity and payload: the position is that one's.",
  },
  reason: { type: 'string', description: 'Unless stored: from the catalogue of errors.' },
  message: { type: 'string' },
  violations: { type: 'array', items: violation },
};

const answer: JsonObject = {
  type: 'object',
  required: ['results', 'warnings'],
  properties: {
    results: {
      type: 'array',
      description: 'One for each event, in their order.',
      items: { type: 'object', required: ['status'], properties: resultProperties },
    },
    warnings: { type: 'array', items: { type: 'string' } },
  },
};

const counted = (description: string): JsonObject => ({ type: 'integer', minimum: 0, description });

const summary: JsonObject = {
  type: 'object',
  required: ['lines', 'accepted', 'rejected', 'notStored', 'unknown', 'warnings'],
  properties: {
    lines: counted(
      'Lines that were taken, blank ones included: up to this one what is not listed is stored, and nothing after it is.',
    ),
    accepted: counted('Stored.'),
    rejected: counted('Invalid.'),
    notStored: counted('Valid and not stored; sending them again is safe.'),
    unknown: counted('They may be stored or not.'),
    warnings: { type: 'array', items: { type: 'string' } },
    stopped: {
      type: 'object',
      description: 'Why the upload was not taken to its end, and the first line that this concerns.',
      required: ['line', 'byte', 'reason', 'detail', 'retryable'],
      properties: {
        line: { type: 'integer', minimum: 1 },
        byte: { type: 'integer', minimum: 0, description: 'Where that line begins, in the unpacked body.' },
        type: { type: 'string' },
        title: { type: 'string' },
        reason: { type: 'string' },
        detail: { type: 'string' },
        retryable: { type: 'boolean' },
      },
    },
  },
};

const answerLine: JsonObject = {
  oneOf: [
    {
      type: 'object',
      required: ['line', 'status'],
      properties: { line: { type: 'integer', minimum: 1 }, ...resultProperties },
    },
    { type: 'object', required: ['summary'], properties: { summary } },
  ],
};

const cloudEvent: JsonObject = {
  type: 'object',
  required: ['specversion', 'id', 'source', 'type'],
  properties: {
    specversion: { const: '1.0' },
    id: { type: 'string', minLength: 1 },
    source: { type: 'string', minLength: 1 },
    type: { type: 'string', minLength: 1 },
    subject: { type: 'string' },
    time: { type: 'string', format: 'date-time' },
    datacontenttype: { type: 'string', description: 'A JSON media type.' },
    dataschema: { type: 'string' },
    partitionkey: { type: 'string', minLength: 1, description: "The event's key." },
    data: { description: 'The payload. Without it the event has no data, and no schema judges it.' },
    data_base64: { type: 'string', description: 'Instead of `data`: the bytes of the payload, which are JSON.' },
  },
  additionalProperties: { type: ['string', 'boolean', 'integer', 'null'] },
};

const lines: JsonObject = {
  schema: {
    type: 'string',
    description: 'A payload a line, ended by LF or CRLF; at most 8 MiB each. Blank lines are skipped.',
  },
};

export const publishOperation: Operation = {
  id: 'publish',
  summary: 'Publish an event, a batch, or a stream of lines',
  description:
    'What the body is says the content type. JSON: a payload, or an array of payloads (one that is an array itself: as a line, or in an array). CloudEvents 1.0 in the binary mode (`ce-*` headers), structured, and batched. NDJSON: any number of payloads in constant memory; the answer, status 200 from the first accepted line on, lists the lines that were not stored, and ends with a summary; without it the outcome is unknown. Payloads are carried byte for byte.',
  tag: 'publish',
  params: { topic: 'The topic.' },
  headers: {
    [keyHeader]: 'As `key` of the query; percent-encoded where it is not printable ASCII.',
    'ce-*': 'Attributes of a CloudEvent in the binary mode, percent-encoded as its HTTP binding says.',
    'idempotency-key':
      'Makes a request that is sent again safe: event (or line) number i without an id gets the identity (this key, i). At most 255 characters.',
    'content-encoding': '`gzip`: the body is packed.',
    expect: '`100-continue`: the body is asked for when the topic and the headers are good.',
  },
  body: {
    'application/json': { schema: { description: 'A payload, or an array of payloads.' } },
    'application/*+json': {
      schema: { description: 'A payload; its media type is stored with it as `datacontenttype`.' },
    },
    'application/cloudevents+json': { schema: cloudEvent },
    'application/cloudevents-batch+json': { schema: { type: 'array', items: cloudEvent } },
    'application/x-ndjson': lines,
    'application/ndjson': lines,
    'application/jsonl': lines,
  },
  responses: {
    200: {
      description: 'All events are stored; of lines: the first was accepted, and the summary is the outcome.',
      content: {
        'application/json': { schema: answer },
        'application/x-ndjson': { schema: answerLine },
      },
    },
    207: {
      description: 'With `mode=independent`: not every event is stored.',
      content: { 'application/json': { schema: answer } },
    },
  },
};
