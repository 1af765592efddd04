import { Buffer } from 'node:buffer';
import { BusError } from '../errors.js';
import type { Path } from '../ports/coordination.js';

/** Where a subscriber is in a partition, as coordination holds it. It is the fence: only who knows the generation may move it. */
export interface OffsetRecord {
  /** The life of the topic that `next` belongs to. */
  readonly incarnation: string;
  /** Grows with each new owner, and never restarts. */
  readonly generation: number;
  /** The offset of the first record that is not committed. */
  readonly next: number;
}

export const subscriberPath = (subscriber: string): Path => ['subscribers', subscriber];
export const streamsPath = (subscriber: string): Path => ['subscribers', subscriber, 'streams'];
export const offsetPath = (subscriber: string, topic: string, partition: number): Path => [
  'subscribers',
  subscriber,
  'offsets',
  topic,
  String(partition),
];

export function writeRecord(record: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

/** Throws INTERNAL where a record is not what this version of the bus writes. */
export function readOffsetRecord(value: Uint8Array): OffsetRecord {
  const record = readJson(value);
  if (
    record &&
    typeof record.incarnation === 'string' &&
    Number.isSafeInteger(record.generation) &&
    Number.isSafeInteger(record.next)
  ) {
    return { incarnation: record.incarnation, generation: Number(record.generation), next: Number(record.next) };
  }
  throw new BusError('INTERNAL', 'a committed position in coordination is damaged');
}

/** A record's JSON object; undefined where it holds none. */
export function readJson(value: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString());
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}

/** Subscribers' names: 1 to 200 characters, well-formed, without control characters. Throws SUBSCRIBER_NAME_INVALID. */
export function checkSubscriberName(name: string): void {
  if (name.length >= 1 && name.length <= 200 && name.isWellFormed() && !/\p{Cc}/u.test(name)) return;
  throw new BusError(
    'SUBSCRIBER_NAME_INVALID',
    `a subscriber's name has 1 to 200 characters, none of them a control character; this one has ${name.length}`,
  );
}
