import { Buffer, isUtf8 } from 'node:buffer';
import { BusError } from './errors.js';
import type { Header } from './model.js';
import { type Redriven, readRedriven, redrivenHeader } from './parking/records.js';
import type { EventInput } from './publish/command.js';

/**
 * How an event's metadata stands in a record's headers. A complete CloudEvent (id, source, type) uses the binary mode of the
 * CloudEvents Kafka binding (`ce_*`, `content-type`); of an incomplete one each attribute stands as `mainstem_<attribute>`.
 * `mainstem_schema` holds the schema version, `0` on a schemaless topic: it also marks the record as validated JSON.
 */
export interface EventMetadata {
  readonly id?: string;
  readonly source?: string;
  readonly type?: string;
  readonly subject?: string;
  readonly time?: string;
  /** CloudEvents extension attributes; and `dataschema`, and `datacontenttype` where it is not plain `application/json`. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Undefined without a schema, and on records of other producers. */
  readonly schemaVersion?: number;
  /** Set on a parked record that comes again. */
  readonly redriven?: Redriven;
  /** The headers that are not the bus's own. */
  readonly rest: readonly Header[];
}

/** Limits on what comes beside a payload. */
export const metadataLimits = { textBytes: 1024, keyBytes: 64 * 1024, attributes: 64, headers: 64, bytes: 64 * 1024 };

const schemaHeader = 'mainstem_schema';
/**
 * The identity that an event without an id has from its call: its index there, a space, the idempotency key. No attribute has that name, because of
 * the underscore.
 */
export const idempotencyHeader = 'mainstem_idempotency_key';
const contentType: Header = ['content-type', Buffer.from('application/json')];
const specVersion: Header = ['ce_specversion', Buffer.from('1.0')];
const core = ['id', 'source', 'type', 'subject', 'time'] as const;
const attributeName = /^[a-z0-9]{1,64}$/;
/** What the binding and the bus keep for themselves: no extension may take these names. */
const takenNames = new Set<string>([...core, 'specversion', 'data', 'schema', 'parked', 'redriven', 'resolved']);
/** The one attribute that the binding does not prefix: it is the header `content-type`. */
export const dataContentType = 'datacontenttype';
/** `application/json`, or anything whose name ends in `+json`; parameters may follow. */
const jsonType = /^[\w!#$&^.+-]+\/(?:[\w!#$&^.-]+\+)?json[ \t]*(?:;|$)/i;

export function isJsonType(type: string): boolean {
  return jsonType.test(type);
}

/** The headers of an event without metadata, by schema version: nearly all events of a topic share them. */
const schemaHeaders = new Map<number, readonly [Header]>();

function schemaVersionHeaders(version: number): readonly [Header] {
  let headers = schemaHeaders.get(version);
  if (!headers) {
    headers = [[schemaHeader, Buffer.from(String(version))]];
    schemaHeaders.set(version, headers);
  }
  return headers;
}

/**
 * The headers to store with an event. Throws INVALID_REQUEST with a message that names the field.
 *
 * @param ofCall the value of the idempotency header, for an event that has its identity from its call
 */
export function writeHeaders(
  event: EventInput,
  schemaVersion: number | undefined,
  ofCall?: string | undefined,
): readonly Header[] {
  const plain = schemaVersionHeaders(schemaVersion ?? 0);
  if (
    !event.id &&
    !event.source &&
    !event.type &&
    !event.subject &&
    !event.time &&
    !event.attributes &&
    !event.headers
  ) {
    return ofCall === undefined ? plain : [plain[0], [idempotencyHeader, Buffer.from(ofCall)]];
  }
  const [version] = plain;
  const complete = Boolean(event.id && event.source && event.type);
  const prefix = complete ? 'ce_' : 'mainstem_';
  // An event without data has no content type, unless it names one.
  const headers: Header[] = complete ? [version, specVersion] : [version];
  if (complete && event.payload !== null) headers.push(contentType);
  if (ofCall !== undefined) headers.push([idempotencyHeader, Buffer.from(ofCall)]);
  for (const name of core) {
    const text = event[name];
    if (!text) continue;
    const value = Buffer.from(text);
    if (value.length > metadataLimits.textBytes) {
      throw new BusError(
        'INVALID_REQUEST',
        `${name} has ${value.length} bytes; at most ${metadataLimits.textBytes} are allowed`,
      );
    }
    headers.push([prefix + name, value]);
  }
  let bytes = 0;
  const attributes = Object.entries(event.attributes ?? {});
  if (attributes.length > metadataLimits.attributes) {
    throw new BusError(
      'INVALID_REQUEST',
      `${attributes.length} attributes; at most ${metadataLimits.attributes} are allowed`,
    );
  }
  for (const [name, text] of attributes) {
    if (!attributeName.test(name) || takenNames.has(name)) {
      throw new BusError(
        'INVALID_REQUEST',
        `the attribute name ${JSON.stringify(name.slice(0, 80))} is not possible: 1 to 64 lower-case letters and digits, and none that CloudEvents or the bus defines`,
      );
    }
    const value = Buffer.from(text);
    bytes += name.length + value.length;
    if (name !== dataContentType) {
      headers.push([prefix + name, value]);
      continue;
    }
    if (!isJsonType(text)) {
      const shown = JSON.stringify(text.slice(0, 80));
      throw new BusError(
        'INVALID_REQUEST',
        `datacontenttype is ${shown}; payloads are JSON: application/json, or a type that ends in +json`,
      );
    }
    if (!complete) headers.push([prefix + name, value]);
    else if (event.payload === null) headers.push([contentType[0], value]);
    else headers[2] = [contentType[0], value];
  }
  const extra = event.headers ?? [];
  if (extra.length > metadataLimits.headers) {
    throw new BusError('INVALID_REQUEST', `${extra.length} headers; at most ${metadataLimits.headers} are allowed`);
  }
  for (const header of extra) {
    const [name, value] = header;
    if (name === '' || name === contentType[0] || name.startsWith('ce_') || name.startsWith('mainstem_')) {
      throw new BusError(
        'INVALID_REQUEST',
        `the header name ${JSON.stringify(name.slice(0, 80))} belongs to the bus: not empty, not content-type, not ce_… or mainstem_…`,
      );
    }
    bytes += Buffer.byteLength(name) + value.length;
    headers.push(header);
  }
  if (bytes > metadataLimits.bytes) {
    throw new BusError(
      'INVALID_REQUEST',
      `${bytes} bytes of attributes and headers; at most ${metadataLimits.bytes} are allowed`,
    );
  }
  return headers;
}

/** The headers of a deletion on a compacted topic. Without the bus's mark a null value is a tombstone to every reader. */
export function deletionHeaders(headers: readonly Header[]): readonly Header[] {
  return headers.filter(([name]) => name !== schemaHeader);
}

/** The schema version in a record's headers: 0 on a schemaless topic, undefined if the bus did not write the record. */
export function readSchemaVersion(headers: readonly Header[]): number | undefined {
  for (const [name, value] of headers) {
    if (name !== schemaHeader) continue;
    const version = Number(text(value));
    return Number.isSafeInteger(version) && version >= 0 ? version : undefined;
  }
  return undefined;
}

/** Whether a record's headers say nothing but its schema version: those of an event that came with a payload alone. */
export function isBare(headers: readonly Header[]): boolean {
  return headers.length === 0 || (headers.length === 1 && headers[0]?.[0] === schemaHeader);
}

/** A record's metadata, from its headers; other producers' CloudEvents are understood too. Never throws. */
export function readHeaders(headers: readonly Header[]): EventMetadata {
  const known: { -readonly [K in (typeof core)[number]]?: string } = {};
  const attributes: Record<string, string> = Object.create(null);
  const rest: Header[] = [];
  const schemaVersion = readSchemaVersion(headers);
  const isOurs = schemaVersion !== undefined;
  let redriven: Redriven | undefined;
  for (const header of headers) {
    const [name, value] = header;
    const attribute = name.startsWith('ce_') ? name.slice(3) : name.startsWith('mainstem_') ? name.slice(9) : undefined;
    if (attribute === undefined) {
      if (!isOurs || name !== contentType[0]) rest.push(header);
      else if (!isPlainJson(value)) attributes[dataContentType] = text(value);
    } else if (name === schemaHeader || name === idempotencyHeader) {
      // Read already, or for nobody to see.
    } else if (name === redrivenHeader) {
      redriven = readRedriven([header]);
      if (redriven === undefined) rest.push(header);
    } else if (!isUtf8(value)) {
      rest.push(header);
    } else if (isCore(attribute)) {
      known[attribute] = text(value);
    } else if (attribute !== 'specversion') {
      attributes[attribute] = text(value);
    }
  }
  return { ...known, attributes, ...(schemaVersion ? { schemaVersion } : {}), ...(redriven && { redriven }), rest };
}

function isPlainJson(value: Uint8Array): boolean {
  return value.length === contentType[1].length && contentType[1].every((byte, i) => byte === value[i]);
}

function isCore(name: string): name is (typeof core)[number] {
  return (core as readonly string[]).includes(name);
}

function text(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString();
}
