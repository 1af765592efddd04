import type { KafkaRequest } from './requests.js';
import { ByteReader, ByteWriter } from './wire.js';

/** Timestamps with a meaning of their own. */
export const earliestOffset = -2;
export const latestOffset = -1;

export interface ListedOffset {
  readonly error: number;
  /** −1 where no record is that late. */
  readonly offset: number;
  /** The leader epoch of that offset; of the latest one, that of the leader. −1 where it is not known. */
  readonly epoch: number;
}

/** By topic: its partitions, each once. */
export type OffsetPlaces = ReadonlyMap<string, readonly number[]>;

export const placeOf = (topic: string, partition: number): string => `${topic}/${partition}`;

/**
 * The offsets of many partitions for one timestamp (ms, or `earliestOffset`, `latestOffset`), read committed: "latest" is the last stable offset. The
 * answer is by `placeOf`.
 */
export function listOffsetsRequest(
  places: OffsetPlaces,
  timestamp: number,
): KafkaRequest<ReadonlyMap<string, ListedOffset>> {
  // Replica −1 is a consumer; isolation 1 is "read committed".
  const writer = new ByteWriter().int32(-1).int8(1);
  writer.array([...places], ([topic, partitions]) => {
    writer.string(topic).array(partitions, (partition) => {
      // The leader's own epoch is not known.
      writer.int32(partition).int32(-1).int64(timestamp);
    });
  });
  return { apiKey: 2, apiVersion: 4, name: 'ListOffsets', body: writer.finish(), decode };
}

function decode(response: Buffer): ReadonlyMap<string, ListedOffset> {
  const reader = new ByteReader(response);
  reader.int32(); // throttle time
  const found = new Map<string, ListedOffset>();
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topic = reader.string() ?? '';
    for (let partitions = reader.int32(); partitions > 0; partitions--) {
      const partition = reader.int32();
      const error = reader.int16();
      reader.int64(); // timestamp
      found.set(placeOf(topic, partition), { error, offset: reader.int64(), epoch: reader.int32() });
    }
  }
  return found;
}
