import type { KafkaRequest } from './requests.js';
import { ByteReader, ByteWriter } from './wire.js';

export interface EpochQuestion {
  readonly topic: string;
  readonly partition: number;
  readonly epoch: number;
}

/** The end of the largest epoch that is not above the one asked for, as the leader has it. */
export interface EpochEnd {
  readonly topic: string;
  readonly partition: number;
  readonly error: number;
  /** The first offset of a later epoch, or the log's end; −1 where the leader has no epoch that is as large. */
  readonly endOffset: number;
}

/** Asks the leader of these partitions where epochs end (KIP-320). Kafka 2.3. */
export function leaderEpochsRequest(questions: readonly EpochQuestion[]): KafkaRequest<EpochEnd[]> {
  // Replica −1 is a consumer.
  const writer = new ByteWriter(64 + questions.length * 48).int32(-1);
  writer.array(questions, ({ topic, partition, epoch }) => {
    // The leader's own epoch is not known.
    writer.string(topic).int32(1).int32(partition).int32(-1).int32(epoch);
  });
  return {
    apiKey: 23,
    apiVersion: 3,
    name: 'OffsetsForLeaderEpoch',
    body: writer.finish(),
    decode: (response) => {
      const reader = new ByteReader(response);
      reader.int32(); // throttle time
      return reader
        .array(() => {
          const topic = reader.string() ?? '';
          return reader.array(() => {
            const error = reader.int16();
            const partition = reader.int32();
            reader.int32(); // the epoch that was found
            return { topic, partition, error, endOffset: reader.int64() };
          });
        })
        .flat();
    },
  };
}

/**
 * The first offset from which the log may differ from what was read up to `offset`; undefined: nothing was lost. A leader that knows no epoch as large as the one asked for was
 * restored as a whole from an older copy: nothing tells from where on it differs, so that everything counts as other records.
 */
export function divergenceOf(offset: number, { endOffset }: Pick<EpochEnd, 'endOffset'>): number | undefined {
  if (endOffset < 0) return 0;
  return offset > endOffset ? endOffset : undefined;
}
