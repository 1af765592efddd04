import { Buffer } from 'node:buffer';
import { membersOf, type Span } from '../json-parts.js';
import { text } from '../json-syntax.js';
import { type Attributes, invalid } from './attributes.js';

/** A CloudEvent in the JSON format, taken apart and not checked yet. */
export interface StructuredEvent {
  readonly attributes: Attributes;
  /** The value of `data` as it is written, or the bytes of `data_base64`; null for an event without data. */
  readonly data: Uint8Array | null;
}

/**
 * Takes apart a CloudEvent in the JSON format (1.0.2), which stands at `span` of a body that is JSON. Integers and booleans are texts from here on, `null` is an
 * attribute that is not there. Throws INVALID_REQUEST for a value that is no such event or has a member twice. `whose`: `event 3: `, or nothing.
 */
export function readStructured(body: Uint8Array, span: Span, whose = ''): StructuredEvent {
  const members = membersOf(body, span);
  if (members === undefined) throw invalid(`${whose}a CloudEvent is a JSON object`, 'body');
  const attributes = new Map<string, string>();
  const seen = new Set<string>();
  let data: Uint8Array | null = null;
  for (const { name, value } of members) {
    if (seen.has(name)) throw invalid(`${whose}${shown(name)} is there twice`, name.slice(0, 80));
    seen.add(name);
    if (name === 'data') data = body.subarray(value.start, value.end);
    else if (name === 'data_base64') data = fromBase64(jsonOf(body, value), whose);
    else {
      const attribute = attributeText(body, name, value, whose);
      if (attribute !== undefined) attributes.set(name, attribute);
    }
  }
  if (seen.has('data') && seen.has('data_base64')) throw invalid(`${whose}data and data_base64 are both there`, 'data');
  return { attributes, data };
}

function attributeText(body: Uint8Array, name: string, span: Span, whose: string): string | undefined {
  const value = jsonOf(body, span);
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
      return String(value);
    case 'number':
      if (Number.isInteger(value) && Math.abs(value) < 2 ** 31) return String(value);
      break;
    default:
      if (value === null) return undefined;
  }
  throw invalid(
    `${whose}${shown(name)} is not a text, a boolean or an integer of 32 bits, as attributes are`,
    name.slice(0, 80),
  );
}

function fromBase64(value: unknown, whose: string): Uint8Array {
  if (typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value)) {
    // Of its own, not of Node's pool: it will wait for the log.
    return new Uint8Array(Buffer.from(value, 'base64'));
  }
  throw invalid(`${whose}data_base64 is not base64`, 'data_base64');
}

function jsonOf(body: Uint8Array, { start, end }: Span): unknown {
  return JSON.parse(text(body, start, end));
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 80));
}
