import { catalogue } from '../../../core/errors.js';
import { recordSchemas } from '../explore/record-routes.js';
import { subscriberSchemas } from '../explore/subscriber-routes.js';
import { topicSchemas } from '../explore/topic-json.js';
import { problemStatuses } from '../problem.js';
import type { JsonObject } from '../query.js';
import { count, described, flag, listOf, objectOf, text, time } from './schema-parts.js';

const violation = objectOf({
  event: described(count, 'Index of the event in its call.'),
  pointer: described(text, 'JSON Pointer into the payload.'),
  rule: described(text, 'The schema keyword that refuses.'),
  message: text,
});

/** Problem details, RFC 9457, with the facts that the same error has on the RPCs. */
const problem = {
  ...objectOf({
    type: described(text, '`urn:mainstem:error:REASON`; about:blank where the status says it all.'),
    title: text,
    status: described(
      count,
      `Of the catalogue: ${problemStatuses().join(', ')}. Of HTTP alone: 404, 405, 406, 408, 415.`,
    ),
    detail: described(text, 'What is wrong, and what to do.'),
    'reason?': { type: 'string', enum: Object.keys(catalogue) },
    'retryable?': described(flag, 'Whether the same request may succeed later.'),
    'retryAfterMs?': count,
    'metadata?': { type: 'object', additionalProperties: text },
    'violations?': listOf(violation),
    'outcome?': described({ type: 'object' }, 'What became of each event of a call that was stored in part.'),
    'expired?': described(
      { type: 'object' },
      'What retention has removed under a cursor, and the cursor to go on with.',
    ),
  }),
};

const record = {
  ...objectOf({
    topic: text,
    partition: count,
    offset: count,
    time: described(time, 'When the log stored it.'),
    'key?': text,
    'keyBase64?': described(text, 'In place of `key`, where it is not UTF-8.'),
    'schemaVersion?': count,
    'id?': text,
    'source?': text,
    'type?': text,
    'subject?': text,
    'eventTime?': text,
    'attributes?': { type: 'object', additionalProperties: text },
    'headers?': listOf(objectOf({ name: text, 'value?': text, 'valueBase64?': text })),
    'redriven?': described({ type: 'object' }, 'Where it was parked, of a record that comes again.'),
    'data?': described({}, "The payload, with the publisher's own bytes."),
    'dataBase64?': described(text, 'A payload that is not JSON.'),
    'tombstone?': { const: true },
    'noData?': { const: true },
  }),
  description: 'One line of a stream. It has `data`, `dataBase64`, `tombstone` or `noData`.',
};

/** Whatever the documents refer to by name. */
export const components: Readonly<Record<string, JsonObject>> = {
  Problem: problem,
  Record: record,
  ...topicSchemas,
  ...recordSchemas,
  ...subscriberSchemas,
};
