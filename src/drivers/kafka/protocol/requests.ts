import { ByteReader, ByteWriter } from './wire.js';

/** A request without its header, and how to read its answer. */
export interface KafkaRequest<T> {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly name: string;
  readonly body: Buffer;
  /** A "flexible" version (KIP-482): both headers may carry optional fields. Default: it is not. */
  readonly flexible?: boolean;
  decode(response: Buffer): T | Promise<T>;
}

/** Whether a broker knows this version of an API. */
export type Supports = (apiKey: number, apiVersion: number) => boolean;

/** A request whose version depends on what the broker supports that gets it. */
export type ChosenRequest<T> = (supports: Supports) => KafkaRequest<T>;

export interface NodeAddress {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

/** Timestamps with a meaning of their own. */
export const earliestOffset = -2;
export const latestOffset = -1;

export interface ListedOffset {
  readonly error: number;
  /** −1 where no record is that late. */
  readonly offset: number;
}

/** One partition's offset for a timestamp (ms, or `earliestOffset`, `latestOffset`), read committed: "latest" is the last stable offset. */
export function listOffsetsRequest(topic: string, partition: number, timestamp: number): KafkaRequest<ListedOffset> {
  const writer = new ByteWriter().int32(-1).int8(1).int32(1).string(topic).int32(1).int32(partition).int64(timestamp);
  return {
    apiKey: 2,
    apiVersion: 3,
    name: 'ListOffsets',
    body: writer.finish(),
    decode: (response) => {
      const reader = new ByteReader(response);
      reader.int32(); // throttle time
      const [result] = reader.array(() => {
        reader.string();
        return reader.array(() => {
          reader.int32();
          const error = reader.int16();
          reader.int64(); // timestamp
          return { error, offset: reader.int64() };
        });
      });
      return firstOf(result, 'ListOffsets');
    },
  };
}

/** The answer for the one thing that was asked. */
export function firstOf<T>(items: readonly T[] | undefined, name: string): T {
  const first = items?.[0];
  if (first === undefined) throw new RangeError(`Kafka's answer to ${name} does not cover what was asked`);
  return first;
}
