import { BusError } from '../../../core/errors.js';
import type { HttpRequest } from '../../node-http.js';

/** Prefix of a CloudEvent's attributes in the binary mode. */
export const attributePrefix = 'ce-';

/** Headers that mean one thing, and so may come once. */
const single = ['content-type', 'content-encoding', 'content-length', 'idempotency-key', 'mainstem-key'];

/**
 * Refuses a request that says something twice: Node would take the first of two content types, and make one text of two attributes. Throws
 * INVALID_REQUEST that names the header.
 */
export function refuseDoubled({ headers, rawHeaders }: HttpRequest): void {
  // As many lines as names: nothing came twice.
  if (rawHeaders.length === 2 * Object.keys(headers).length) return;
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase();
    if (!single.includes(name) && !name.startsWith(attributePrefix)) continue;
    if (seen.has(name)) {
      throw new BusError('INVALID_REQUEST', `conflicting headers: ${name} came more than once`, {
        metadata: { field: name },
      });
    }
    seen.add(name);
  }
}

/** Whether an event's attributes are in the headers. */
export function hasAttributes({ headers }: HttpRequest): boolean {
  for (const name in headers) if (name.startsWith(attributePrefix)) return true;
  return false;
}
