import { ProblemError } from '../problem.js';

/** What a request's body is. */
export type BodyKind =
  /** One payload, or an array of them. */
  | 'json'
  /** One payload, of a JSON type of its own. */
  | 'document'
  /** A payload a line. */
  | 'lines'
  /** CloudEvents in the structured mode: one, or an array of them. */
  | 'cloud_event'
  | 'cloud_events';

/** By media type, in the order in which they are shown. `application/*+json` is a `document`. */
const mediaTypes = {
  'application/json': 'json',
  'application/x-ndjson': 'lines',
  'application/ndjson': 'lines',
  'application/jsonl': 'lines',
  'application/cloudevents+json': 'cloud_event',
  'application/cloudevents-batch+json': 'cloud_events',
} as const satisfies Readonly<Record<string, BodyKind>>;

const accepted = [...Object.keys(mediaTypes), 'application/*+json'].join(', ');
const known: ReadonlyMap<string, BodyKind> = new Map(Object.entries(mediaTypes));
/** Type and subtype as tokens (RFC 9110, 5.6.2). */
const form = /^[ \t]*([\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+)[ \t]*(?:;(.*))?$/;
const charset = /(?:^|;)[ \t]*charset=[ \t]*("?)([^";]*)\1/i;

/** What kind of body a content type announces. Throws a 415, with `Accept-Post`, for what is not JSON in UTF-8. */
export function bodyKind(contentType: string | undefined): BodyKind {
  // Nearly always so.
  if (contentType === 'application/json') return 'json';
  if (contentType === undefined) throw unsupported('the request has no content-type');
  const [, written = '', parameters = ''] = form.exec(contentType) ?? [];
  const type = written.toLowerCase();
  const kind = known.get(type) ?? (isOtherJson(type) ? 'document' : undefined);
  if (kind === undefined) {
    throw unsupported(`content-type ${JSON.stringify(contentType.slice(0, 80))} ${whyNot(type)}`);
  }
  checkCharset(parameters);
  return kind;
}

/** Throws a 415 unless data of this type can be a payload. `whose`: `event 3: `, or nothing. */
export function checkDataType(dataContentType: string, whose = ''): void {
  const [, written = '', parameters = ''] = form.exec(dataContentType) ?? [];
  const type = written.toLowerCase();
  if (type !== 'application/json' && !isOtherJson(type)) {
    const shown = JSON.stringify(dataContentType.slice(0, 80));
    throw unsupported(
      `${whose}datacontenttype is ${shown}; the bus carries JSON: application/json, or a type that ends in +json`,
    );
  }
  checkCharset(parameters, whose);
}

/** A JSON type that is neither an envelope of events nor plain. */
function isOtherJson(type: string): boolean {
  const isEnvelope = type.startsWith('application/cloudevents') || kafkaRest.test(type);
  return (/^[^/]+\/[^/]+\+json$/.test(type) || type === 'text/json') && !isEnvelope;
}

/** Bodies of Kafka's REST proxies: `{"records": [{"key": …, "value": …}]}`, which must not be stored as one event. */
const kafkaRest = /^application\/vnd\.kafka\b/;

function whyNot(type: string): string {
  if (kafkaRest.test(type)) {
    return (
      'is an envelope of a Kafka REST proxy, which this server does not unpack: send the values as application/json (one, or an array) ' +
      'or as application/x-ndjson (one a line); a key goes into ?key=, mainstem-key, or the topic has a key pointer'
    );
  }
  const isForm = type === 'application/x-www-form-urlencoded';
  return `is not JSON${isForm ? " (curl's default; add -H 'content-type: application/json')" : ''}`;
}

function checkCharset(parameters: string, whose = ''): void {
  const name = charset.exec(parameters)?.[2]?.trim().toLowerCase();
  if (name === undefined || name === 'utf-8' || name === 'utf8' || name === 'us-ascii') return;
  throw unsupported(`${whose}charset ${JSON.stringify(name.slice(0, 40))} is not possible; JSON is UTF-8 (RFC 8259)`);
}

function unsupported(what: string): ProblemError {
  const detail = `${what}; possible are ${accepted}`;
  return new ProblemError({ status: 415, title: 'Unsupported Media Type', detail }, { 'accept-post': accepted });
}
