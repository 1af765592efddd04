import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { BusError } from '../errors.js';
import { canonicalSchema } from '../schema/index.js';

/** A schema version as coordination holds it. It never changes. */
export interface StoredSchema {
  /** From 1. */
  readonly version: number;
  /** As its author wrote it. */
  readonly definition: string;
  /** The same with the registered schemas that it refers to in it, as they were at registration. Undefined: it refers to none. */
  readonly frozen: string | undefined;
  /** The URIs of these schemas. */
  readonly references: readonly string[];
  /** Milliseconds since 1970. Undefined for versions from before this was kept. */
  readonly registeredAt: number | undefined;
  /** The same for equal schemas, whatever their spacing and the order of members. */
  readonly digest: string;
}

/** How much one record may take, in bytes: text and frozen form together. A record of coordination has 900 KiB. */
const mostBytes = 880 * 1024;

/** No JSON text begins like this: records from before are the bare text. */
const mark = 'mainstem-schema ';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Throws SCHEMA_INVALID where a schema would not fit into a record. */
export function checkSize({ definition, frozen = '' }: Pick<StoredSchema, 'definition' | 'frozen'>): void {
  const bytes = Buffer.byteLength(definition) + Buffer.byteLength(frozen);
  if (bytes <= mostBytes) return;
  throw new BusError(
    'SCHEMA_INVALID',
    `the schema and its form with all that it refers to have ${bytes} bytes together; at most ${mostBytes} are allowed`,
  );
}

/** One line of facts, then the author's text, then the frozen form. */
export function encodeSchema({ definition, frozen, references, registeredAt, digest }: StoredSchema): Uint8Array {
  const text = encoder.encode(definition);
  const rest = encoder.encode(frozen ?? '');
  const facts = { format: 1, registeredAt, digest, references, definitionBytes: text.length };
  const head = encoder.encode(`${mark}${JSON.stringify(facts)}\n`);
  const record = new Uint8Array(head.length + text.length + rest.length);
  record.set(head, 0);
  record.set(text, head.length);
  record.set(rest, head.length + text.length);
  return record;
}

/** Throws INTERNAL where the record was written by a newer version, or is damaged. */
export function decodeSchema(name: string, version: number, value: Uint8Array): StoredSchema {
  const lineEnd = startsMarked(value) ? value.indexOf(10) : -1;
  if (lineEnd < 0) {
    const definition = decoder.decode(value);
    const digest = digestOf(definition);
    return { version, definition, frozen: undefined, references: [], registeredAt: undefined, digest };
  }
  const facts = parseFacts(decoder.decode(value.subarray(mark.length, lineEnd)));
  if (facts === undefined) {
    throw new BusError(
      'INTERNAL',
      `schema version ${version} of topic ${name} is damaged, or written by a newer version`,
    );
  }
  const { definitionBytes, ...known } = facts;
  const start = lineEnd + 1;
  const end = start + definitionBytes;
  const frozen = end < value.length ? decoder.decode(value.subarray(end)) : undefined;
  return { version, definition: decoder.decode(value.subarray(start, end)), frozen, ...known };
}

/** What validators are made of. */
export function effectiveText({ definition, frozen }: Pick<StoredSchema, 'definition' | 'frozen'>): string {
  return frozen ?? definition;
}

/** Throws SCHEMA_INVALID where the text is no schema. */
export function schemaDigest(definition: string): string {
  return hash(canonicalSchema(definition));
}

/** What is stored is a schema, or was when it was: then only the very same text is the same. */
function digestOf(definition: string): string {
  try {
    return schemaDigest(definition);
  } catch {
    return hash(definition);
  }
}

/** The same error, of which version it is. */
export function withVersion(error: unknown, version: number): unknown {
  if (!(error instanceof BusError) || error.reason !== 'SCHEMA_INVALID') return error;
  const { reason, message, metadata } = error;
  return new BusError(reason, `schema version ${version}: ${message}`, { cause: error, metadata });
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function startsMarked(value: Uint8Array): boolean {
  return decoder.decode(value.subarray(0, mark.length)) === mark;
}

type Facts = Pick<StoredSchema, 'references' | 'registeredAt' | 'digest'> & { readonly definitionBytes: number };

function parseFacts(text: string): Facts | undefined {
  try {
    const facts: unknown = JSON.parse(text);
    return isFacts(facts) && facts.format === 1
      ? {
          references: facts.references,
          registeredAt: facts.registeredAt,
          digest: facts.digest,
          definitionBytes: facts.definitionBytes,
        }
      : undefined;
  } catch {
    return undefined;
  }
}

function isFacts(value: unknown): value is Facts & { readonly format: unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'format' in value &&
    'definitionBytes' in value &&
    Number.isSafeInteger(value.definitionBytes) &&
    'digest' in value &&
    typeof value.digest === 'string' &&
    'references' in value &&
    Array.isArray(value.references) &&
    value.references.every((reference) => typeof reference === 'string') &&
    (!('registeredAt' in value) || typeof value.registeredAt === 'number')
  );
}
