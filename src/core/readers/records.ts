import { Buffer } from 'node:buffer';
import { BusError } from '../errors.js';
import type { Coordination, Path } from '../ports/coordination.js';

/**
 * Who declared which schema version it reads, by topic: `/readers/<topic>/subscribers/<subscriber>` is remembered,
 * `/readers/<topic>/streams/<stream>` is an ephemeral, there as long as the stream is.
 */
export interface ReaderRecord {
  /** The life of the topic that the version belongs to. */
  readonly incarnation: string;
  readonly version: number;
  /** Whose stream it is. */
  readonly subscriber: string | undefined;
}

/** A subscriber or a stream, and the version it reads. */
export interface Reader {
  readonly subscriber: string | undefined;
  /** Undefined for a subscriber that is not connected. */
  readonly streamId: string | undefined;
  readonly version: number;
}

export const readingSubscribersPath = (topic: string): Path => ['readers', topic, 'subscribers'];
export const readingStreamsPath = (topic: string): Path => ['readers', topic, 'streams'];

export function encodeReader({ incarnation, version, subscriber }: ReaderRecord): Uint8Array {
  return Buffer.from(JSON.stringify({ format: 1, incarnation, version, subscriber }));
}

/**
 * Whoever has declared what it reads of a topic, by name. Of a subscriber with such streams these are named, and otherwise itself; one that does
 * not exist any more is not. Throws CoordinationErrors, and INTERNAL for a record that cannot be read.
 */
export async function readersOf(coordination: Coordination, topic: string, incarnation: string): Promise<Reader[]> {
  const streams = await recordsBelow(coordination, readingStreamsPath(topic), incarnation);
  const readers: Reader[] = [...streams].map(([streamId, { subscriber, version }]) => ({
    subscriber,
    streamId,
    version,
  }));
  const connected = new Set(readers.map(({ subscriber }) => subscriber));
  for (const [name, { version }] of await recordsBelow(coordination, readingSubscribersPath(topic), incarnation)) {
    if (connected.has(name) || (await coordination.get(['subscribers', name])) === undefined) continue;
    readers.push({ subscriber: name, streamId: undefined, version });
  }
  return readers;
}

/** Records of an earlier topic of that name do not count. */
async function recordsBelow(
  coordination: Coordination,
  path: Path,
  incarnation: string,
): Promise<Map<string, ReaderRecord>> {
  const found = new Map<string, ReaderRecord>();
  for (const name of (await coordination.children(path)).sort()) {
    const entry = await coordination.get([...path, name]);
    const record = entry && decodeReader(entry.value);
    if (record?.incarnation === incarnation) found.set(name, record);
  }
  return found;
}

function decodeReader(value: Uint8Array): ReaderRecord {
  const record = parse(value);
  if (typeof record === 'object' && record !== null && 'incarnation' in record && 'version' in record) {
    const { incarnation, version } = record;
    const subscriber = 'subscriber' in record && typeof record.subscriber === 'string' ? record.subscriber : undefined;
    if (typeof incarnation === 'string' && typeof version === 'number') return { incarnation, version, subscriber };
  }
  throw new BusError('INTERNAL', 'a record of what a subscriber reads is damaged, or written by a newer version');
}

function parse(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString());
  } catch {
    return undefined;
  }
}
