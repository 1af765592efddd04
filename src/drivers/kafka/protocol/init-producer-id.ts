import type { KafkaRequest } from './requests.js';
import { ByteReader, ByteWriter } from './wire.js';

export interface InitializedProducer {
  readonly error: number;
  /** Eight bytes. */
  readonly producerId: Uint8Array;
  readonly epoch: number;
}

/** Asks any broker for a producer id that no other producer has, for a producer without transactions. */
export function initProducerIdRequest(): KafkaRequest<InitializedProducer> {
  // No transactional id; the timeout of its transactions is not used.
  const body = new ByteWriter(8).string(null).int32(60_000).finish();
  return {
    apiKey: 22,
    apiVersion: 1,
    name: 'InitProducerId',
    body,
    decode: (response) => {
      const reader = new ByteReader(response);
      reader.int32(); // throttle time
      const error = reader.int16();
      return { error, producerId: Uint8Array.from(reader.bytes(8)), epoch: reader.int16() };
    },
  };
}
