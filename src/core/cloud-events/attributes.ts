import { BusError } from '../errors.js';

/** A CloudEvent's attributes by name, as texts. */
export type Attributes = ReadonlyMap<string, string>;

/** The attributes that an event has to have (CloudEvents 1.0.2, section "Required attributes"). */
const required = ['id', 'source', 'specversion', 'type'];
/** RFC 3339. */
const timestamp = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
/** Control characters and halves of surrogate pairs, which the specification forbids in attributes. */
const forbidden = /\p{Cc}|\p{Surrogate}/u;

/** Throws INVALID_REQUEST that names every attribute that is missing, or the one that is not possible. `whose`: `event 3: `, or nothing. */
export function checkAttributes(attributes: Attributes, whose = ''): void {
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
}

export function invalid(message: string, field: string): BusError {
  return new BusError('INVALID_REQUEST', message, { metadata: { field } });
}
