import type { KafkaClient } from './kafka-client.js';
import { requestTimeoutMs } from './metadata-cache.js';
import { type ListedOffset, listOffsetsRequest, placeOf } from './protocol/list-offsets.js';

/** How many partitions one request asks about: an answer of that size is decoded in well under a millisecond. */
const mostPlaces = 1_000;

interface Question {
  readonly topic: string;
  readonly partition: number;
  resolve(answer: ListedOffset): void;
  reject(error: unknown): void;
}

/** Asks a broker for the offset of one partition for a timestamp. Throws LinkFailure. */
export type AskOffset = (node: number, topic: string, partition: number, timestamp: number) => Promise<ListedOffset>;

/**
 * Questions to one broker for one timestamp that come while one is under way share the next request. A stream that begins asks for the bounds of all its
 * partitions at once: thousands of requests would keep this process, and the broker, busy for seconds.
 */
export function batchOffsetQuestions(client: Pick<KafkaClient, 'ask'>): AskOffset {
  const waiting = new Map<string, Question[]>();

  async function run(key: string, node: number, timestamp: number): Promise<void> {
    for (let batch = waiting.get(key)?.splice(0, mostPlaces); batch?.length; ) {
      await askFor(batch, node, timestamp);
      batch = waiting.get(key)?.splice(0, mostPlaces);
    }
    waiting.delete(key);
  }

  async function askFor(batch: readonly Question[], node: number, timestamp: number): Promise<void> {
    const places = new Map<string, Set<number>>();
    for (const { topic, partition } of batch) places.set(topic, (places.get(topic) ?? new Set()).add(partition));
    const distinct = new Map([...places].map(([topic, partitions]) => [topic, [...partitions]] as const));
    try {
      const answer = await client.ask(node, 'reads', listOffsetsRequest(distinct, timestamp), requestTimeoutMs);
      for (const { topic, partition, resolve, reject } of batch) {
        const found = answer.get(placeOf(topic, partition));
        if (found) resolve(found);
        else reject(new RangeError(`Kafka's answer to ListOffsets does not cover ${topic}/${partition}`));
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return (node, topic, partition, timestamp) =>
    new Promise((resolve, reject) => {
      const key = `${node}/${timestamp}`;
      const question = { topic, partition, resolve, reject };
      const queue = waiting.get(key);
      if (queue) {
        queue.push(question);
        return;
      }
      waiting.set(key, [question]);
      void run(key, node, timestamp);
    });
}
