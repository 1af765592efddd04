import type { AppendRecord } from '../../../core/model.js';
import { type BatchStamp, layOut, writeBatch } from './record-batch.js';
import type { KafkaRequest } from './requests.js';
import { ByteReader } from './wire.js';

export interface Produced {
  readonly error: number;
  readonly baseOffset: number;
  /** −1 on topics with the producers' timestamps. */
  readonly logAppendTime: number;
}

/**
 * Appends one batch to one partition, acknowledged by all in-sync replicas within `timeoutMs`. Sent again as it is, the request stores nothing twice: the
 * broker knows the batch by its stamp.
 */
export function produceRequest(
  topic: string,
  partition: number,
  records: readonly AppendRecord[],
  stamp: BatchStamp,
  timestamp: number,
  timeoutMs: number,
): KafkaRequest<Produced> {
  const topicBytes = Buffer.byteLength(topic);
  const layout = layOut(records);
  const body = Buffer.allocUnsafe(26 + topicBytes + layout.bytes);
  let at = body.writeInt16BE(-1, 0); // no transaction
  at = body.writeInt16BE(-1, at); // acks: all
  at = body.writeInt32BE(timeoutMs, at);
  at = body.writeInt32BE(1, at);
  at = body.writeInt16BE(topicBytes, at);
  at += body.write(topic, at);
  at = body.writeInt32BE(1, at);
  at = body.writeInt32BE(partition, at);
  at = body.writeInt32BE(layout.bytes, at);
  writeBatch(body, at, records, layout, stamp, timestamp);
  return {
    apiKey: 0,
    apiVersion: 7,
    name: 'Produce',
    body,
    decode: (response) => {
      const reader = new ByteReader(response);
      const answers = reader.array(() => {
        const name = reader.string();
        return reader.array(() => {
          const id = reader.int32();
          const produced = { error: reader.int16(), baseOffset: reader.int64(), logAppendTime: reader.int64() };
          reader.int64(); // log start
          return { name, id, produced };
        });
      });
      const own = answers.flat().find((answer) => answer.name === topic && answer.id === partition);
      if (own === undefined) throw new RangeError("Kafka's answer to Produce does not cover the partition");
      return own.produced;
    },
  };
}
