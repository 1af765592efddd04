import { expect, test } from 'vitest';
import { batchOffsetQuestions } from '../../src/drivers/kafka/offset-questions.js';
import type { KafkaRequest } from '../../src/drivers/kafka/protocol/requests.js';
import { ByteReader, ByteWriter } from '../../src/drivers/kafka/protocol/wire.js';

/** Answers with partition × 10, and an error in partition 7; keeps how many partitions each request asked about. */
function broker() {
  const asked: number[] = [];
  return {
    asked,
    async ask<T>(_: unknown, __: unknown, request: KafkaRequest<T> | unknown): Promise<T> {
      // What the batches send is a plain request.
      const { body, decode } = request as KafkaRequest<T>;
      await Promise.resolve();
      const reader = new ByteReader(body);
      reader.int32();
      reader.int8();
      const topics = reader.array(() => ({
        topic: reader.string(),
        partitions: reader.array(() => {
          const partition = reader.int32();
          // The leader epoch that the client knows, and the timestamp.
          reader.int32();
          reader.int64();
          return partition;
        }),
      }));
      asked.push(topics.reduce((sum, { partitions }) => sum + partitions.length, 0));
      const writer = new ByteWriter().int32(0);
      writer.array(topics, ({ topic, partitions }) => {
        writer.string(topic).array(partitions, (partition) => {
          writer
            .int32(partition)
            .int16(partition === 7 ? 6 : 0)
            .int64(-1)
            .int64(partition * 10)
            .int32(5);
        });
      });
      return decode(writer.finish());
    },
  };
}

test('questions that come while one is under way share requests, and each gets its own answer', async () => {
  const fake = broker();
  const ask = batchOffsetQuestions(fake);
  const places = Array.from({ length: 2_500 }, (_, i) => [`t${i % 3}`, i] as const);
  const answers = await Promise.all(places.map(([topic, partition]) => ask(1, topic, partition, -1)));
  expect(answers.map(({ offset }) => offset)).toEqual(places.map(([, partition]) => partition * 10));
  expect(answers.filter(({ error }) => error !== 0)).toMatchObject([{ error: 6, offset: 70 }]);
  expect(fake.asked).toEqual([1, 1_000, 1_000, 499]);
});

test('brokers and timestamps have requests of their own, and one that fails fails all that it was for', async () => {
  const fake = broker();
  const ask = batchOffsetQuestions(fake);
  await Promise.all([ask(1, 't', 1, -1), ask(1, 't', 1, -2), ask(2, 't', 1, -1)]);
  expect(fake.asked).toEqual([1, 1, 1]);
  const failing = batchOffsetQuestions({ ask: () => Promise.reject(new Error('gone')) });
  const failed = await Promise.allSettled([0, 1, 2].map((partition) => failing(1, 't', partition, -1)));
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
});
