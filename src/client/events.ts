import type { MessageInitShape } from '@bufbuild/protobuf';
import type { EventSchema } from '../gen/mainstem/v1/event_pb.js';

/** An event to publish: its payload, and what is known about it. */
export interface EventInput {
  /** JSON text in UTF-8, sent byte for byte. Exactly one of `payload` and `data` is given. */
  readonly payload?: string | Uint8Array | undefined;
  /** A value that JSON.stringify turns into the payload. */
  readonly data?: unknown;
  /** Events with equal keys keep their order. Text is sent as UTF-8. At most 64 KiB. */
  readonly key?: string | Uint8Array | undefined;
  /** CloudEvents attributes, as the proto describes them. */
  readonly id?: string | undefined;
  readonly source?: string | undefined;
  readonly type?: string | undefined;
  readonly subject?: string | undefined;
  /** RFC 3339. */
  readonly time?: string | undefined;
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  readonly headers?: readonly (readonly [name: string, value: Uint8Array])[] | undefined;
}

const utf8 = new TextEncoder();

/** Throws a TypeError where there is no payload, two, or one that is not JSON. */
export function toEvent(input: EventInput): MessageInitShape<typeof EventSchema> {
  return {
    ...(input.key === undefined ? {} : { key: bytes(input.key) }),
    payload: { case: 'jsonBytes', value: payloadBytes(input) },
    id: input.id ?? '',
    source: input.source ?? '',
    type: input.type ?? '',
    subject: input.subject ?? '',
    time: input.time ?? '',
    attributes: { ...input.attributes },
    headers: (input.headers ?? []).map(([name, value]) => ({ name, value: bytes(value) })),
  };
}

function payloadBytes(input: EventInput): Uint8Array<ArrayBuffer> {
  if ((input.payload === undefined) === (input.data === undefined)) {
    throw new TypeError('an event has either a payload (JSON text) or data (a value)');
  }
  if (input.payload !== undefined) return bytes(input.payload);
  // Undefined for functions and symbols, whatever the library's types say.
  const text: string | undefined = JSON.stringify(input.data);
  if (text === undefined) throw new TypeError('the data of an event is not a JSON value');
  return utf8.encode(text);
}

function bytes(value: string | Uint8Array): Uint8Array<ArrayBuffer> {
  if (typeof value === 'string') return utf8.encode(value);
  return value.buffer instanceof ArrayBuffer
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
}
