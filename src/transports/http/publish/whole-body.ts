import { isUtf8 } from 'node:buffer';
import { type Attributes, invalid } from '../../../core/cloud-events/attributes.js';
import { readStructured } from '../../../core/cloud-events/structured.js';
import { BusError } from '../../../core/errors.js';
import { elementsOf, isArray, type Span, wholeValue } from '../../../core/json-parts.js';
import { JsonSyntaxError } from '../../../core/json-syntax.js';
import { defaultPublishLimits, type EventInput } from '../../../core/publish/command.js';
import type { HttpRequest } from '../../node-http.js';
import { type CloudEventContext, toEvent } from './cloud-event.js';
import { binaryEvent, headerAttributes } from './cloud-event-binary.js';
import { eventKey } from './key.js';
import type { BodyKind } from './media-type.js';
import { hasAttributes } from './request-headers.js';

/**
 * The events in a body that was read whole. Payloads are parts of it, byte for byte: an event that is a body of its own is the whole body, with the space around
 * it; an element of an array and the `data` of a CloudEvent are the value alone.
 *
 * @param key of all events
 */
export function eventsOf(
  kind: Exclude<BodyKind, 'lines'>,
  request: HttpRequest,
  body: Uint8Array,
  key: string | undefined,
): EventInput[] {
  switch (kind) {
    case 'json':
    case 'document': {
      if (hasAttributes(request)) return [binaryEvent(request, body, { key })];
      const bytes = eventKey(key, undefined);
      if (kind === 'json' && isArray(body)) {
        return elements(body).map(({ start, end }) => ({ key: bytes, payload: body.subarray(start, end) }));
      }
      const type = request.headers['content-type'];
      return [
        { key: bytes, payload: body, ...(kind === 'document' && type && { attributes: { datacontenttype: type } }) },
      ];
    }
    case 'cloud_event': {
      const [span] = parsed(body, () => [wholeValue(body)]);
      if (span === undefined) throw new RangeError('a body has one value');
      const event = structuredEvent(body, span, { key });
      if (hasAttributes(request)) checkSame(headerAttributes(request), event);
      return [event];
    }
    case 'cloud_events':
      if (hasAttributes(request)) throw invalid('conflicting headers: ce-… cannot say anything about a batch', 'ce-id');
      return parsed(body, () => elements(body)).map((span, index) => structuredEvent(body, span, { key, index }));
  }
}

function structuredEvent(body: Uint8Array, span: Span, context: CloudEventContext): EventInput {
  const { attributes, data } = readStructured(
    body,
    span,
    context.index === undefined ? '' : `event ${context.index}: `,
  );
  return toEvent(attributes, data, context);
}

function elements(body: Uint8Array): Span[] {
  const { eventsPerCall } = defaultPublishLimits;
  try {
    return elementsOf(body, (count) => {
      if (count > eventsPerCall) {
        throw new BusError(
          'BATCH_TOO_LARGE',
          `more than ${eventsPerCall} events; a request may bring ${eventsPerCall}, lines (application/x-ndjson) any number`,
        );
      }
    });
  } catch (error) {
    throw error instanceof JsonSyntaxError ? notJson(error) : error;
  }
}

/** What has to be JSON as a whole, before parts of it are read. */
function parsed(body: Uint8Array, scan: () => Span[]): Span[] {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) {
    throw invalid('the body begins with a byte order mark; send JSON without one', 'body');
  }
  if (!isUtf8(body)) throw invalid('the body is not valid UTF-8', 'body');
  try {
    return scan();
  } catch (error) {
    throw error instanceof JsonSyntaxError ? notJson(error) : error;
  }
}

function notJson({ message, event = 0 }: JsonSyntaxError): BusError {
  const what = `the body is not JSON: ${message}`;
  return new BusError('PAYLOAD_NOT_JSON', what, {
    violations: [{ event, pointer: '', rule: 'json', message: what }],
    metadata: { violations_total: '1' },
  });
}

/** The specification lets a structured event repeat its attributes in the headers; said differently there, nobody can know which is meant. */
function checkSame(headers: Attributes, event: EventInput): void {
  const said: Readonly<Record<string, unknown>> = { ...event.attributes, ...event, specversion: '1.0' };
  for (const [name, text] of headers) {
    if (said[name] !== text)
      throw invalid(`conflicting headers: ce-${name} differs from the event in the body`, `ce-${name}`);
  }
}
