import { Buffer } from 'node:buffer';
import { toJson } from '@bufbuild/protobuf';
import { type Value, ValueSchema } from '@bufbuild/protobuf/wkt';
import { BusError } from '../../core/errors.js';
import type { EventInput, PublishCommand, PublishMode } from '../../core/publish/command.js';
import type { Event } from '../../gen/mainstem/v1/event_pb.js';
import { PublishMode as ModeNumber } from '../../gen/mainstem/v1/publish_pb.js';

/** What PublishRequest and PublishStreamRequest have in common. */
export interface PublishFields {
  readonly topic: string;
  readonly events: readonly Event[];
  readonly mode: ModeNumber;
  readonly schemaVersion?: number | undefined;
  /** Empty: none. */
  readonly idempotencyKey?: string | undefined;
}

type EventWithPayload = EventInput & { readonly payload: Uint8Array };

/**
 * Throws INVALID_REQUEST, naming the event and the field. Payloads stay parts of the request's buffer.
 *
 * @param fromJson the request came in the JSON form, whose codec (see exact-json) hands each `json` on as the text that was written
 */
export function toPublishCommand(
  { topic, events, mode, schemaVersion, idempotencyKey }: PublishFields,
  fromJson = false,
): Omit<PublishCommand, 'events'> & { readonly events: readonly EventWithPayload[] } {
  return {
    topic,
    mode: toMode(mode),
    schemaVersion,
    idempotencyKey: idempotencyKey || undefined,
    events: events.map((event, i) => toEventInput(event, i, fromJson)),
  };
}

function toMode(mode: ModeNumber): PublishMode {
  switch (mode) {
    case ModeNumber.UNSPECIFIED:
    case ModeNumber.ALL_OR_NOTHING:
      return 'all_or_nothing';
    case ModeNumber.INDEPENDENT:
      return 'independent';
    default:
      throw new BusError('INVALID_REQUEST', `mode: ${Number(mode)} is not a PublishMode that this server knows`);
  }
}

/** As `toPublishCommand`, for the event of this index. */
export function toEventInput(event: Event, index: number, fromJson: boolean): EventWithPayload {
  const { id, source, type, subject, time, headers, attributes } = event;
  return {
    key: toKey(event, index),
    payload: toPayload(event, index, fromJson),
    id,
    source,
    type,
    subject,
    time,
    attributes: isEmpty(attributes) ? undefined : attributes,
    headers: headers.length === 0 ? undefined : headers.map(({ name, value }) => [name, value] as const),
  };
}

function toKey({ key, keyText }: Event, index: number): Uint8Array | undefined {
  if (keyText === undefined) return key;
  if (key === undefined) return Buffer.from(keyText);
  throw invalidEvent(index, 'key', 'key and key_text are both set; an event has one key');
}

function toPayload({ payload }: Event, index: number, fromJson: boolean): Uint8Array {
  switch (payload.case) {
    case 'jsonBytes':
      return payload.value;
    case 'json':
      return fromJson && payload.value.kind.case === 'stringValue'
        ? Buffer.from(payload.value.kind.value)
        : valueText(payload.value, index);
    default:
      throw invalidEvent(index, 'json_bytes', 'neither json_bytes nor json is set; one of them must hold the payload');
  }
}

/** A Value as JSON text. Its numbers are doubles: what the publisher wrote otherwise is lost before it gets here. */
function valueText(value: Value, index: number): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(toJson(ValueSchema, value)));
  } catch (cause) {
    throw invalidEvent(
      index,
      'json',
      'json is not a JSON value: it has an empty part, or a number that JSON lacks',
      cause,
    );
  }
}

function invalidEvent(event: number, field: string, message: string, cause?: unknown): BusError {
  return new BusError('INVALID_REQUEST', `event ${event}: ${message}`, {
    violations: [{ event, pointer: `.${field}`, rule: 'required', message }],
    cause,
  });
}

function isEmpty(map: object): boolean {
  for (const _ in map) return false;
  return true;
}
