import { isUtf8 } from 'node:buffer';
import { Code, ConnectError } from '@connectrpc/connect';
import { BusError } from '../../../core/errors.js';
import { JsonSyntaxError, text } from '../../../core/json-syntax.js';
import { errorDetails } from '../error-details.js';
import { errorLimits } from '../error-limits.js';
import { findPayloads, type PayloadSpan } from './event-payloads.js';

/**
 * Stands in for the TextDecoder of PublishService's JSON codec, on every protocol: it gives the codec each event's `json` as a *text that holds
 * the payload as it was written*, so that a Value, which would change numbers and order, never holds more than a text. The mapper makes bytes of it again.
 * Everything else of the request, and every mistake in it, is the codec's matter, unchanged.
 *
 * Throws a ConnectError, `invalid_argument`, for what is not JSON in UTF-8 without a BOM: PAYLOAD_NOT_JSON where it is in a payload,
 * INVALID_REQUEST elsewhere; the message has the position.
 */
export const exactPayloads = {
  decode(bytes: Uint8Array = new Uint8Array()): string {
    const spans = spansOf(bytes);
    const parts: string[] = [];
    let done = 0;
    for (const { start, end } of spans) {
      parts.push(text(bytes, done, start), JSON.stringify(text(bytes, start, end)));
      done = end;
    }
    parts.push(text(bytes, done, bytes.length));
    return parts.join('');
  },
};

function spansOf(bytes: Uint8Array): PayloadSpan[] {
  let spans: PayloadSpan[];
  try {
    spans = findPayloads(bytes);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw notJson(reasonOf(bytes, error), error.event);
    throw error;
  }
  if (isUtf8(bytes)) return spans;
  const event = spans.find(({ start, end }) => !isUtf8(bytes.subarray(start, end)))?.event;
  throw notJson('not valid UTF-8', event);
}

function reasonOf(bytes: Uint8Array, { message, position }: JsonSyntaxError): string {
  const mark = position === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return mark ? 'it begins with a byte order mark; send JSON without one' : message;
}

function notJson(what: string, event: number | undefined): ConnectError {
  const error =
    event === undefined
      ? new BusError('INVALID_REQUEST', `the request is not JSON: ${what}`)
      : new BusError('PAYLOAD_NOT_JSON', `event ${event}: the payload is not JSON: ${what}`, {
          violations: [{ event, pointer: '', rule: 'json', message: `the payload is not JSON: ${what}` }],
          metadata: { violations_total: '1' },
        });
  // Small whatever the protocol: the limits that fit everywhere.
  const details = errorDetails(error, error.message, errorLimits.grpc);
  return new ConnectError(error.message, Code.InvalidArgument, undefined, details, error);
}
