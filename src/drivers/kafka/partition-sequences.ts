import type { Producer, ProducerIdentity } from './producer-identity.js';
import type { BatchStamp } from './protocol/record-batch.js';

/** The largest epoch and the largest sequence that the protocol has. */
const lastEpoch = 32_767;
const lastSequence = 2 ** 31 - 1;
/** How many partitions are remembered; each takes some 150 bytes. */
const mostPartitions = 50_000;

/**
 * The producer's place in each partition: id, epoch and next sequence. The broker keeps the same per partition and stores a batch only if it
 * continues the sequence, or starts an epoch that is higher than any before at sequence 0. The epoch is therefore counted per partition here, without
 * asking the cluster: a producer without transactions chooses it itself (KIP-360).
 *
 * Two rules follow, and every method keeps them. A sequence that was sent is never given to other records. A pair of id and epoch is never started
 * twice in a partition: the broker would take new records for the old ones, and drop them as duplicates.
 */
export interface PartitionSequences {
  /** The stamp for the next batch of a partition. May be called again for the same batch as long as the batch was not sent. */
  next(topic: string, partition: number, records: number): Promise<BatchStamp>;
  /** The batch of the last stamp is stored. */
  stored(topic: string, partition: number, records: number): void;
  /** A batch of the last stamp was sent, and is not known to be stored: the next one starts a new epoch, so that the broker refuses late copies. */
  restart(topic: string, partition: number): void;
  /** The broker does not know the producer id any more, or gave it to another: the next batch starts with a new one. */
  renew(topic: string, partition: number): void;
  /** The topic is gone. */
  forget(topic: string): void;
}

interface Place {
  readonly producer: Producer;
  readonly epoch: number;
  sequence: number;
}

export function createPartitionSequences(identity: ProducerIdentity, limit = mostPartitions): PartitionSequences {
  /** By `topic/partition`, the one that was used last at the end. */
  const places = new Map<string, Place>();

  function drop(key: string, place: Place): void {
    places.delete(key);
    // A partition that starts again does so above the epoch that it may have used.
    place.producer.firstEpoch = Math.max(place.producer.firstEpoch, place.epoch + 1);
    if (place.producer.firstEpoch > lastEpoch) identity.retire(place.producer);
  }

  function restart(key: string): void {
    const place = places.get(key);
    if (place === undefined) return;
    if (place.epoch === lastEpoch) drop(key, place);
    else places.set(key, { producer: place.producer, epoch: place.epoch + 1, sequence: 0 });
  }

  async function start(key: string): Promise<Place> {
    let producer = await identity.current();
    while (producer.firstEpoch > lastEpoch) {
      identity.retire(producer);
      producer = await identity.current();
    }
    const place = { producer, epoch: producer.firstEpoch, sequence: 0 };
    places.set(key, place);
    if (places.size > limit) {
      const [oldest] = places;
      if (oldest) drop(...oldest);
    }
    return place;
  }

  return {
    async next(topic, partition, records) {
      const key = keyOf(topic, partition);
      if ((places.get(key)?.sequence ?? 0) > lastSequence - records) restart(key);
      let place = places.get(key);
      if (place === undefined) place = await start(key);
      else {
        places.delete(key);
        places.set(key, place);
      }
      return { producerId: place.producer.id, epoch: place.epoch, sequence: place.sequence };
    },
    stored(topic, partition, records) {
      const place = places.get(keyOf(topic, partition));
      if (place !== undefined) place.sequence += records;
    },
    restart: (topic, partition) => restart(keyOf(topic, partition)),
    renew(topic, partition) {
      const key = keyOf(topic, partition);
      const place = places.get(key);
      if (place === undefined) return;
      identity.retire(place.producer);
      drop(key, place);
    },
    forget(topic) {
      for (const [key, place] of places) if (key.startsWith(`${topic}/`)) drop(key, place);
    },
  };
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
