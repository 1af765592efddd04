import { type Attributes, checkAttributes, invalid } from '../../../core/cloud-events/attributes.js';
import type { EventInput } from '../../../core/publish/command.js';
import { eventKey } from './key.js';
import { checkDataType } from './media-type.js';

const own = new Set(['id', 'source', 'specversion', 'type', 'subject', 'time']);

export interface CloudEventContext {
  /** The key that the request names for all its events. */
  readonly key: string | undefined;
  /** Of a batch. */
  readonly index?: number | undefined;
}

/**
 * A CloudEvent as the core takes it. `partitionkey` is its key and stays an attribute; `dataschema`, `datacontenttype` and extensions are attributes. Throws
 * INVALID_REQUEST that names every attribute that is missing, or the one that is not possible; a 415 where the data is not JSON.
 *
 * @param data null: the event has none
 */
export function toEvent(
  attributes: Attributes,
  data: Uint8Array | null,
  { key, index }: CloudEventContext,
): EventInput {
  const whose = index === undefined ? '' : `event ${index}: `;
  checkAttributes(attributes, whose);
  const type = attributes.get('datacontenttype');
  if (type !== undefined) checkDataType(type, whose);
  const partitionKey = attributes.get('partitionkey');
  if (partitionKey === '')
    throw invalid(`${whose}partitionkey is empty; leave it out for an event without a key`, 'partitionkey');
  return {
    key: eventKey(key, partitionKey, whose),
    payload: data,
    id: attributes.get('id'),
    source: attributes.get('source'),
    type: attributes.get('type'),
    subject: attributes.get('subject'),
    time: attributes.get('time'),
    attributes: furtherOf(attributes),
  };
}

function furtherOf(attributes: Attributes): Record<string, string> | undefined {
  const further = [...attributes].filter(([name]) => !own.has(name));
  return further.length === 0 ? undefined : Object.fromEntries(further);
}
