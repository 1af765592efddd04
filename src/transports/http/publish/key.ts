import { Buffer } from 'node:buffer';
import { BusError } from '../../../core/errors.js';
import { type Exchange, headerOf } from '../exchange.js';
import { headerText } from './header-text.js';

/** The header that names the key of all events of a request; decoded like a CloudEvents attribute, so that any text fits. */
export const keyHeader = 'mainstem-key';

/** The key that a request gives all its events, in its query or in its header; undefined where it gives none. Throws INVALID_REQUEST where they differ. */
export function requestKey(exchange: Exchange, query: string | undefined): string | undefined {
  const header = headerOf(exchange, keyHeader);
  if (header === undefined) return query;
  const named = headerText(keyHeader, header);
  if (named === '') throw emptyKey(keyHeader);
  if (query !== undefined && query !== named) throw conflict(`?key= and the header ${keyHeader}`);
  return named;
}

/** The same, with what a CloudEvent says itself. `whose`: `event 3: `, or nothing. */
export function eventKey(
  ofRequest: string | undefined,
  partitionKey: string | undefined,
  whose = '',
): Uint8Array | undefined {
  if (ofRequest !== undefined && partitionKey !== undefined && ofRequest !== partitionKey) {
    throw conflict(`${whose}the request's key and the event's partitionkey`);
  }
  const key = ofRequest ?? partitionKey;
  return key === undefined ? undefined : Buffer.from(key);
}

/** An unset variable in a script, nearly always. */
export function emptyKey(where: string): BusError {
  const message = `${where} is empty; leave it out for events without a key`;
  return new BusError('INVALID_REQUEST', message, { metadata: { field: where } });
}

function conflict(which: string): BusError {
  return new BusError('INVALID_REQUEST', `conflicting keys: ${which} differ; give one of them`, {
    metadata: { field: 'key' },
  });
}
