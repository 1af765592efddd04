import { invalid } from '../../../core/cloud-events/attributes.js';
import type { EventInput } from '../../../core/publish/command.js';
import type { HttpRequest } from '../../node-http.js';
import { type CloudEventContext, toEvent } from './cloud-event.js';
import { headerText } from './header-text.js';
import { attributePrefix } from './request-headers.js';

/** A CloudEvent in the binary mode: attributes in the headers, the type of the data is the content type, and the body is the data, byte for byte; an empty body is none. */
export function binaryEvent(request: HttpRequest, body: Uint8Array, context: CloudEventContext): EventInput {
  const attributes = headerAttributes(request);
  if (attributes.has('datacontenttype')) {
    throw invalid('ce-datacontenttype is not possible: content-type says it', 'ce-datacontenttype');
  }
  const type = request.headers['content-type'];
  if (type !== undefined) attributes.set('datacontenttype', type);
  return toEvent(attributes, body.length === 0 ? null : body, context);
}

/** The attributes in a request's headers, by name. */
export function headerAttributes({ headers }: HttpRequest): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith(attributePrefix) || typeof value !== 'string') continue;
    attributes.set(header.slice(attributePrefix.length), headerText(header, value));
  }
  return attributes;
}
