import { Buffer, isUtf8 } from 'node:buffer';
import { dataContentType, isJsonType, readSchemaVersion } from '../event-headers.js';
import { wholeValue } from '../json-parts.js';
import type { Header, LogRecord } from '../model.js';
import { type Attributes, checkAttributes } from './attributes.js';
import { readStructured } from './structured.js';

/** The one content type of Kafka's structured mode that the bus reads; parameters may follow. */
const structuredType = /^application\/cloudevents\+json[ \t]*(?:;|$)/i;

/**
 * A record that another producer wrote in the structured mode of the CloudEvents Kafka binding, as it would stand in the binary mode: its data as the value, its
 * attributes in headers. Any other record is returned as it is, and so is a record that the HTTP binding would refuse: a reader sees then what is stored.
 */
export function unwrapped(record: LogRecord): LogRecord {
  const { value, headers } = record;
  if (!headers.some(([name, type]) => isContentType(name) && structuredType.test(textOf(type)))) return record;
  // A publisher of the bus may name that type for its payload: the payload is what it is then.
  if (value === null || readSchemaVersion(headers) !== undefined || !isUtf8(value)) return record;
  try {
    const { attributes, data } = readStructured(value, wholeValue(value));
    checkAttributes(attributes);
    const type = attributes.get(dataContentType);
    if (type !== undefined && !isJsonType(type)) return record;
    const others = headers.filter(([name]) => !isContentType(name));
    return { ...record, value: data, headers: [...binaryHeaders(attributes), ...others] };
  } catch {
    return record;
  }
}

function binaryHeaders(attributes: Attributes): Header[] {
  const isPlain = attributes.get(dataContentType)?.toLowerCase() === 'application/json';
  return [...attributes].flatMap(([name, text]): Header[] =>
    name === dataContentType && isPlain ? [] : [[`ce_${name}`, Buffer.from(text)]],
  );
}

function isContentType(name: string): boolean {
  return name.toLowerCase() === 'content-type';
}

function textOf(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1');
}
