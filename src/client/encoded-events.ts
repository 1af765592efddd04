import type { UnknownField } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';

/** Events of a batch in their wire form: made once, sent as often as needed, in part if need be. */
export interface EncodedEvents {
  readonly count: number;
  /** Entries of the request's field `events`, one after the other, each with tag and length. */
  readonly bytes: Uint8Array;
  /** Where each entry begins in `bytes`. */
  readonly starts: readonly number[];
}

/** Number of the field `events` in PublishRequest and in PublishStreamRequest. */
const eventsField = 2;
const eventTag = (eventsField << 3) | WireType.LengthDelimited;
const keyTag = (1 << 3) | WireType.LengthDelimited;
const payloadTag = (3 << 3) | WireType.LengthDelimited;
const idTag = (5 << 3) | WireType.LengthDelimited;

/** Collects payloads into EncodedEvents without an object per event: about 0.2 µs for a small one. */
export class EventEncoder {
  readonly #key: Uint8Array;
  #buffer: Buffer;
  #length = 0;
  #starts: number[] = [];

  /** `key`, if given, is the key of all events. */
  constructor(key?: Uint8Array) {
    this.#key = key === undefined ? noBytes : textField(keyTag, key);
    this.#buffer = Buffer.allocUnsafeSlow(16 * 1024);
  }

  get count(): number {
    return this.#starts.length;
  }

  /** Bytes collected so far. */
  get bytes(): number {
    return this.#length;
  }

  /**
   * Adds an event with the payload `source[start, end)`, JSON text in UTF-8; the bytes are copied.
   *
   * @param id the event's identity: sent again within the topic's dedupe window it is stored once
   */
  add(source: Uint8Array, start: number, end: number, id?: string): void {
    const payload = end - start;
    const idField = id === undefined ? noBytes : textField(idTag, Buffer.from(id));
    const event = this.#key.length + 1 + varintLength(payload) + payload + idField.length;
    this.#reserve(1 + varintLength(event) + event);
    this.#starts.push(this.#length);
    this.#buffer[this.#length++] = eventTag;
    this.#length = writeVarint(this.#buffer, this.#length, event);
    if (this.#key.length > 0) {
      this.#buffer.set(this.#key, this.#length);
      this.#length += this.#key.length;
    }
    this.#buffer[this.#length++] = payloadTag;
    this.#length = writeVarint(this.#buffer, this.#length, payload);
    // A copy without a view object; Buffer.copy on a plain Uint8Array source works the same.
    Buffer.prototype.copy.call(source, this.#buffer, this.#length, start, end);
    this.#length += payload;
    this.#buffer.set(idField, this.#length);
    this.#length += idField.length;
  }

  /** What was collected; the encoder starts anew. */
  take(): EncodedEvents {
    const taken = { count: this.#starts.length, bytes: this.#buffer.subarray(0, this.#length), starts: this.#starts };
    // The next batch is probably as large as this one.
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(16 * 1024, Math.ceil(this.#length * 1.1)));
    this.#length = 0;
    this.#starts = [];
    return taken;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Some of a batch's events, by index, in the given order. */
export function pickEvents(events: EncodedEvents, indexes: readonly number[]): EncodedEvents {
  if (indexes.length === events.count) return events;
  const parts = indexes.map((i) => events.bytes.subarray(events.starts[i] ?? 0, events.starts[i + 1]));
  let length = 0;
  const starts = parts.map((part) => {
    const start = length;
    length += part.length;
    return start;
  });
  return { count: parts.length, bytes: Buffer.concat(parts, length), starts };
}

/** The events as protobuf-es writes them verbatim: as unknown fields, whose data begins after the first tag. */
export function asUnknownFields(events: EncodedEvents): UnknownField[] {
  if (events.count === 0) return [];
  const { buffer, byteOffset, byteLength } = events.bytes;
  const data =
    buffer instanceof ArrayBuffer ? new Uint8Array(buffer, byteOffset, byteLength) : new Uint8Array(events.bytes);
  return [{ no: eventsField, wireType: WireType.LengthDelimited, data: data.subarray(1) }];
}

const noBytes = new Uint8Array(0);

function textField(tag: number, text: Uint8Array): Uint8Array {
  const field = new Uint8Array(1 + varintLength(text.length) + text.length);
  field[0] = tag;
  field.set(text, writeVarint(field, 1, text.length));
  return field;
}

function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  let position = at;
  while (rest > 0x7f) {
    target[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[position++] = rest;
  return position;
}
