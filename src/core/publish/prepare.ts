import { Buffer } from 'node:buffer';
import { callText, type Identity, idText, toIdentity } from '../dedupe/identity.js';
import { BusError, type Violation } from '../errors.js';
import { deletionHeaders, metadataLimits, writeHeaders } from '../event-headers.js';
import { type AppendRecord, recordBytes } from '../model.js';
import { type PayloadScan, payloadScan } from '../schema-scan/index.js';
import type { ActiveTopic, SchemaInUse, TopicSettings } from '../topics/topic.js';
import type { EventInput, PublishCommand } from './command.js';
import { keyAt, type NoKey, parsePointer } from './key-pointer.js';
import { identityOf, partitionOf } from './partitioner.js';
import { parsePayload } from './payload.js';

/** An event that may be stored: a record, where it goes, and what it weighs in buffers. */
export interface Prepared extends AppendRecord {
  readonly partition: number;
  readonly bytes: number;
  /** Undefined where it has none, or the topic does not compare. */
  readonly identity: Identity | undefined;
}

/** How many violations an event's error lists; the totals are always told. */
const violationsPerEvent = 10;

/** The checks of one call, against one snapshot of the topic: never a mixture of schema versions. */
export interface Preparation {
  readonly schemaVersion: number | undefined;
  /** What a publisher who uses this version should know. */
  readonly warning: string | undefined;
  /** The record for an event, or why it is refused: PAYLOAD_NOT_JSON, EVENT_TOO_LARGE, SCHEMA_VIOLATION, KEY_NOT_EXACT, KEY_REQUIRED, INVALID_REQUEST. */
  prepare(event: EventInput, index: number): Prepared | BusError;
}

/** @param anyPartition where events go that have neither a key nor an identity */
export function preparation(
  topic: ActiveTopic,
  { schemaVersion, idempotencyKey }: Pick<PublishCommand, 'schemaVersion' | 'idempotencyKey'>,
  anyPartition: number,
): Preparation {
  const schema = topic.schema(schemaVersion);
  const { keyPointer, partitions } = topic.settings;
  const scan = schema ? schema.compiled.scan(keyPointer) : anyScan(topic.settings);
  const compares = topic.settings.dedupeWindowMs > 0;
  const whyRequired = keyRequirement(topic);
  // Events that have their identity from the call stay together, in their order.
  const partitionOfCall = idempotencyKey ? partitionOf(Buffer.from(idempotencyKey), partitions) : anyPartition;

  function prepare(event: EventInput, index: number): Prepared | BusError {
    const { payload } = event;
    // An event without data has nothing that a schema could judge, or that could carry a key.
    const carried = payload === null ? null : carriedKey(payload, event.key, index);
    if (carried instanceof BusError) return carried;
    const key = event.key ?? carried;
    if (key === null && whyRequired !== undefined)
      return refusal('KEY_REQUIRED', index, 'key', whyRequired, keyPointer);
    if (key !== null && key.length > metadataLimits.keyBytes) {
      return refusal(
        'EVENT_TOO_LARGE',
        index,
        'key',
        `the key has ${key.length} bytes; at most ${metadataLimits.keyBytes} are allowed`,
      );
    }
    const ofCall = event.id || !idempotencyKey ? undefined : `${event.number ?? index} ${idempotencyKey}`;
    let headers: AppendRecord['headers'];
    try {
      headers = writeHeaders(event, payload === null ? undefined : schema?.version, ofCall);
      if (payload === null && topic.compacted) headers = deletionHeaders(headers);
    } catch (error) {
      return refusal('INVALID_REQUEST', index, 'metadata', BusError.from(error).message);
    }
    const placedBy = key ?? (event.id ? identityOf(event.source, event.id) : undefined);
    const text = compares ? (event.id ? idText(event.source, event.id) : ofCall && callText(ofCall)) : undefined;
    return {
      key,
      value: payload,
      headers,
      partition: placedBy === undefined ? partitionOfCall : partitionOf(placedBy, partitions),
      bytes: recordBytes({ key, value: payload, headers }),
      identity: text === undefined ? undefined : toIdentity(text, payload ?? noData),
    };
  }

  /** The key that a payload carries, or why the payload is refused. */
  function carriedKey(payload: Uint8Array, key: EventInput['key'], index: number): Uint8Array | null | BusError {
    if (payload.length > topic.settings.maxEventBytes) {
      return refusal(
        'EVENT_TOO_LARGE',
        index,
        'size',
        `the payload has ${payload.length} bytes; ${topic.name} takes at most ${topic.settings.maxEventBytes}`,
      );
    }
    const scanned = scan(payload);
    return scanned === undefined ? parsedKey(payload, key, index) : scanned;
  }

  /** The same by parsing it: what a scan does not accept may be refused, and has to be told why. */
  function parsedKey(payload: Uint8Array, key: EventInput['key'], index: number): Uint8Array | null | BusError {
    const parsed = parsePayload(payload);
    if (!('document' in parsed)) return refusal('PAYLOAD_NOT_JSON', index, parsed.rule, parsed.message);
    if (schema && !schema.compiled.accepts(parsed.document, parsed.exact)) {
      return schemaViolation(schema, parsed.document, index);
    }
    const pointer = key === undefined && keyPointer !== undefined ? parsePointer(keyPointer) : undefined;
    const found = pointer && keyAt(parsed.document, pointer);
    if (typeof found !== 'string') return found ?? null;
    const [reason, message] = noKey[found];
    return refusal(reason, index, 'key', message, keyPointer);
  }

  return { schemaVersion: schema?.version, warning: schema?.warning, prepare };
}

/** Why an event of this topic needs a key; undefined where it needs none. */
function keyRequirement({ name, compacted, settings: { keyRequired, keyPointer } }: ActiveTopic): string | undefined {
  if (!compacted && !keyRequired) return undefined;
  const why = compacted ? `${name} is compacted` : `${name} has keyRequired`;
  const found = keyPointer === undefined ? '' : `, and the key pointer ${keyPointer} finds none`;
  return `a key is required, because ${why}: the event has none${found}`;
}

/** Tells the publisher of events that the topic's key pointer has no key for; undefined where there are none. */
export function keylessWarning(
  { settings: { keyPointer } }: ActiveTopic,
  events: readonly (Prepared | BusError)[],
): string | undefined {
  if (keyPointer === undefined) return undefined;
  let count = 0;
  for (const event of events) if (!(event instanceof BusError) && event.key === null) count++;
  if (count === 0) return undefined;
  const which = events.length === 1 ? 'the event' : `${count} of ${events.length} events`;
  return `the key pointer ${keyPointer} found no key in ${which}: without a key, events of one thing go to any partition, in any order; the setting keyRequired refuses them`;
}

const noKey: Readonly<Record<NoKey, readonly [reason: 'INVALID_REQUEST' | 'KEY_NOT_EXACT', message: string]>> = {
  not_scalar: ['INVALID_REQUEST', 'the key must be a text, a number or a boolean'],
  not_exact: [
    'KEY_NOT_EXACT',
    'the number is no exact key: of fractions only those are keys that a double prints in full, and of integers those of up to 65,536 digits; send it as a text, or give a key with the event',
  ],
};

/** An event without data has the identity of an empty payload, which no other event has. */
const noData = new Uint8Array();

/** Of schemaless topics. */
const anyScans = new WeakMap<TopicSettings, PayloadScan>();

function anyScan(settings: TopicSettings): PayloadScan {
  let scan = anyScans.get(settings);
  if (!scan) {
    scan = payloadScan({ schema: true, draft: '2020-12' }, settings.keyPointer);
    anyScans.set(settings, scan);
  }
  return scan;
}

function refusal(
  reason: 'EVENT_TOO_LARGE' | 'PAYLOAD_NOT_JSON' | 'INVALID_REQUEST' | 'KEY_NOT_EXACT' | 'KEY_REQUIRED',
  event: number,
  rule: string,
  message: string,
  pointer = '',
): BusError {
  return new BusError(reason, `event ${event}: ${message}`, {
    violations: [{ event, pointer, rule, message }],
    metadata: { violations_total: '1' },
  });
}

function schemaViolation(schema: SchemaInUse, document: unknown, event: number): BusError {
  const { violations, total } = schema.compiled.explain(document, violationsPerEvent);
  const listed: Violation[] = violations.map(({ pointer, rule, message }) => ({ event, pointer, rule, message }));
  return new BusError('SCHEMA_VIOLATION', sentence(event, listed, total), {
    violations: listed,
    metadata: { violations_total: String(Math.max(total, 1)), schema_version: String(schema.version) },
  });
}

function sentence(event: number, violations: readonly Violation[], total: number): string {
  const first = violations[0];
  if (!first) return `event ${event}: refused by the schema`;
  const where = first.pointer === '' ? 'the payload' : first.pointer;
  const more = total > 1 ? `; and ${total - 1} more violation${total > 2 ? 's' : ''}` : '';
  return `event ${event}: ${where} ${first.message} (${first.rule})${more}`;
}

/** How many violations a call's error lists. */
const violationsPerCall = 50;

/** One error for a call of which some events are refused, in `all_or_nothing` mode. Its reason is that of the first. */
export function callRefusal(refusals: readonly BusError[], events: number): BusError {
  const [first] = refusals;
  if (!first) throw new RangeError('a refusal needs at least one refused event');
  const others = refusals.length - 1;
  const total = refusals.reduce((sum, refused) => sum + Number(refused.metadata.violations_total ?? 1), 0);
  const more = others > 0 ? `; and ${others} more event${others > 1 ? 's' : ''} refused` : '';
  const nothing = events > 1 ? '; nothing was stored' : '';
  return new BusError(first.reason, `${first.message}${more}${nothing}`, {
    violations: refusals.flatMap((refused) => refused.violations).slice(0, violationsPerCall),
    metadata: { ...first.metadata, violations_total: String(total), events_refused: String(refusals.length) },
  });
}
