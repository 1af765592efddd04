import { Buffer, isUtf8 } from 'node:buffer';
import { type CelInput, celMap } from '@bufbuild/cel';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type EventMetadata, readHeaders } from '../../core/event-headers.js';
import type { Candidate } from '../../core/ports/filter-compiler.js';
import { parsedPayload } from './payloads.js';

/** What each variable of an expression is, of one record. Nothing of it is looked into before it is asked for. */
const readers: Readonly<Record<string, (candidate: Candidate) => CelInput>> = {
  payload: ({ kind, record }) => {
    if (kind === 'json') return parsedPayload(record);
    return kind === 'tombstone' ? null : record.value;
  },
  key: ({ record }) => record.key && textOf(record.key),
  headers: (candidate) =>
    celMap(new Map(metadataOf(candidate).rest.map(([name, value]): [string, CelInput] => [name, textOf(value)]))),
  topic: ({ topic }) => topic,
  partition: ({ partition }) => BigInt(partition),
  offset: ({ record }) => BigInt(record.offset),
  time: ({ record }) => timestampFromMs(record.timestamp),
  id: (candidate) => metadataOf(candidate).id ?? '',
  source: (candidate) => metadataOf(candidate).source ?? '',
  type: (candidate) => metadataOf(candidate).type ?? '',
  subject: (candidate) => metadataOf(candidate).subject ?? '',
  attributes: (candidate) => celMap(new Map(Object.entries(metadataOf(candidate).attributes))),
};

/** The variables of whatever record `candidate` gives: one object for all records, because making one costs as much as a comparison. */
export function variablesOf(candidate: () => Candidate): Record<string, CelInput> {
  const variables: Record<string, CelInput> = Object.create(null);
  for (const [name, read] of Object.entries(readers)) {
    Object.defineProperty(variables, name, { enumerable: true, get: () => read(candidate()) });
  }
  return variables;
}

/** Text, or bytes where it is none in UTF-8. */
function textOf(bytes: Uint8Array): string | Uint8Array {
  return isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString() : bytes;
}

function metadataOf({ record }: Candidate): EventMetadata {
  return readHeaders(record.headers);
}
