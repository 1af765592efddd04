import { BusError } from '../../../core/errors.js';
import type { EventInput } from '../../../core/publish/command.js';
import { eventKey } from './key.js';
import { checkDataType } from './media-type.js';

/** A CloudEvent's attributes by name, as texts. */
export type Attributes = ReadonlyMap<string, string>;

/** The attributes that an event has to have (CloudEvents 1.0.2, section "Required attributes"). */
const required = ['id', 'source', 'specversion', 'type'];
const own = new Set([...required, 'subject', 'time']);
/** RFC 3339. */
const timestamp = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
/** Control characters and halves of surrogate pairs, which the specification forbids in attributes. */
const forbidden = /\p{Cc}|\p{Surrogate}/u;

export interface CloudEventContext {
  /** The key that the request names for all its events. */
  readonly key: string | undefined;
  /** Of a batch. */
  readonly index?: number | undefined;
}

/**
 * A CloudEvent as the core takes it. `partitionkey` is its key and stays an attribute; `dataschema`, `datacontenttype` and extensions are attributes. Throws
 * INVALID_REQUEST that names every attribute that is missing, or the one that is not possible; a 415 where the data is not JSON.
 */
export function toEvent(attributes: Attributes, payload: Uint8Array, { key, index }: CloudEventContext): EventInput {
  const whose = index === undefined ? '' : `event ${index}: `;
  const missing = required.filter((name) => !attributes.get(name));
  if (missing.length > 0) throw invalid(`${whose}a CloudEvent needs ${missing.join(', ')}`, missing.join(','));
  if (attributes.get('specversion') !== '1.0') {
    const shown = JSON.stringify(attributes.get('specversion')?.slice(0, 20));
    throw invalid(`${whose}specversion is ${shown}; this server takes CloudEvents 1.0`, 'specversion');
  }
  for (const [name, text] of attributes) {
    if (forbidden.test(text))
      throw invalid(`${whose}${name} has a character that CloudEvents forbid in attributes`, name);
  }
  const time = attributes.get('time');
  if (time !== undefined && !timestamp.test(time)) throw invalid(`${whose}time is not an RFC 3339 timestamp`, 'time');
  const type = attributes.get('datacontenttype');
  if (type !== undefined) checkDataType(type, whose);
  const partitionKey = attributes.get('partitionkey');
  if (partitionKey === '')
    throw invalid(`${whose}partitionkey is empty; leave it out for an event without a key`, 'partitionkey');
  return {
    key: eventKey(key, partitionKey, whose),
    payload,
    id: attributes.get('id'),
    source: attributes.get('source'),
    type: attributes.get('type'),
    subject: attributes.get('subject'),
    time,
    attributes: furtherOf(attributes),
  };
}

export function invalid(message: string, field: string): BusError {
  return new BusError('INVALID_REQUEST', message, { metadata: { field } });
}

function furtherOf(attributes: Attributes): Record<string, string> | undefined {
  const further = [...attributes].filter(([name]) => !own.has(name));
  return further.length === 0 ? undefined : Object.fromEntries(further);
}
