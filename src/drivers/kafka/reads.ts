import type { Bounds, ReadResult } from '../../core/ports/event-log.js';
import { logIdOf, nameOf, type TopicRef } from '../../core/ports/topic-ref.js';
import { unavailable } from './errors.js';
import type { KafkaClient } from './kafka-client.js';
import { type Leaders, retryForMs } from './leaders.js';
import { batchOffsetQuestions } from './offset-questions.js';
import { askLeader, askLeaderBy } from './on-leader.js';
import { backoff, pause } from './pause.js';
import { deleteRecordsRequest } from './protocol/admin.js';
import { codes } from './protocol/codes.js';
import { type Fetched, fetchRequest } from './protocol/fetch.js';
import { divergenceOf, leaderEpochsRequest } from './protocol/leader-epochs.js';
import { earliestOffset, type ListedOffset, latestOffset } from './protocol/list-offsets.js';
import { type ChosenRequest, firstOf } from './protocol/requests.js';

/** Range reads and questions about offsets, on connections of their own, so that the tail's long polls never delay them. */
export interface Reads {
  read(topic: TopicRef, partition: number, from: number, maxBytes: number, signal?: AbortSignal): Promise<ReadResult>;
  bounds(topic: TopicRef, partition: number): Promise<Bounds>;
  /** See `EventLog.divergence`. */
  divergence(topic: TopicRef, partition: number, offset: number, epoch: number): Promise<number | undefined>;
  offsetForTime(topic: TopicRef, partition: number, timestamp: number): Promise<number>;
  truncateBefore(topic: TopicRef, partition: number, offset: number): Promise<void>;
}

// An int32 in the protocol; beyond it nothing is gained.
const mostBytes = 64 * 1024 * 1024;

export function createReads(client: KafkaClient, leaders: Leaders, closing: AbortSignal): Reads {
  const askOffset = batchOffsetQuestions(client);

  async function offset(
    topic: TopicRef,
    partition: number,
    timestamp: number,
    signal?: AbortSignal,
  ): Promise<ListedOffset> {
    const name = nameOf(topic);
    const question = { topic, partition, what: `tell the offsets of ${name}/${partition}`, signal };
    const ask = (node: number) => askOffset(node, name, partition, timestamp);
    return askLeaderBy(leaders, closing, question, ask);
  }

  async function bounds(topic: TopicRef, partition: number, signal?: AbortSignal): Promise<Bounds> {
    const [first, last] = await Promise.all([
      offset(topic, partition, earliestOffset, signal),
      offset(topic, partition, latestOffset, signal),
    ]);
    const epoch = last.epoch < 0 ? undefined : last.epoch;
    return { earliest: first.offset, highWatermark: Math.max(first.offset, last.offset), epoch };
  }

  async function fetchOne(
    topic: TopicRef,
    partition: number,
    from: number,
    maxBytes: number,
    signal?: AbortSignal,
  ): Promise<Fetched> {
    const position = { topic: nameOf(topic), id: logIdOf(topic), partition, from };
    const size = Math.min(mostBytes, Math.max(1, Math.floor(maxBytes)));
    const fetch = fetchRequest([position], { maxWaitMs: 0, maxBytes: size, maxPartitionBytes: size });
    const request: ChosenRequest<Fetched> = (supports) => {
      const chosen = fetch(supports);
      return { ...chosen, decode: async (answer: Buffer) => firstOf(await chosen.decode(answer), 'Fetch') };
    };
    const what = `read from ${nameOf(topic)}/${partition}`;
    const accept = [codes.OFFSET_OUT_OF_RANGE];
    return askLeader(client, leaders, closing, { topic, partition, what, lane: 'reads', request, accept, signal });
  }

  async function read(
    topic: TopicRef,
    partition: number,
    from: number,
    maxBytes: number,
    signal?: AbortSignal,
  ): Promise<ReadResult> {
    const deadline = performance.now() + retryForMs;
    let next = from;
    for (let attempt = 0; ; attempt++) {
      const fetched = await fetchOne(topic, partition, next, maxBytes, signal);
      if (fetched.error === codes.OFFSET_OUT_OF_RANGE) {
        const now = await bounds(topic, partition, signal);
        // What was invisible on the way has expired meanwhile: the caller's position has not.
        if (next > from) return { outcome: 'ok', records: [], nextOffset: next, ...now, epoch: undefined };
        if (from < now.earliest) return { outcome: 'expired', ...now };
        if (from > now.highWatermark) return { outcome: 'ahead', ...now };
        // The log has moved between the two questions.
        if (performance.now() >= deadline)
          throw unavailable(`read from ${nameOf(topic)}/${partition}`, new Error('unsteady offsets'));
        await pause(backoff(attempt, 500), closing);
        continue;
      }
      const { records, nextOffset, unreadable, epoch } = fetched;
      const now = { earliest: fetched.earliest, highWatermark: fetched.highWatermark, epoch };
      if (next > now.highWatermark) return { outcome: 'ahead', ...now };
      if (unreadable !== undefined && nextOffset === from)
        throw unavailable(`read ${nameOf(topic)}/${partition}`, unreadable);
      // Aborted transactions and markers are not worth an answer while more is there, for a while.
      const more = records.length === 0 && nextOffset > next && nextOffset < now.highWatermark;
      next = nextOffset;
      if (!more || performance.now() >= deadline) return { outcome: 'ok', records, nextOffset, ...now };
    }
  }

  async function divergence(
    topic: TopicRef,
    partition: number,
    from: number,
    epoch: number,
  ): Promise<number | undefined> {
    const name = nameOf(topic);
    const ask = leaderEpochsRequest([{ topic: name, partition, epoch }]);
    const request = { ...ask, decode: async (answer: Buffer) => firstOf(await ask.decode(answer), ask.name) };
    const what = `tell where epoch ${epoch} of ${name}/${partition} ends`;
    return divergenceOf(
      from,
      await askLeader(client, leaders, closing, { topic, partition, what, lane: 'reads', request }),
    );
  }

  async function truncateBefore(topic: TopicRef, partition: number, wanted: number): Promise<void> {
    const { earliest, highWatermark } = await bounds(topic, partition);
    const before = Math.min(wanted, highWatermark);
    if (before <= earliest) return;
    const request = deleteRecordsRequest(nameOf(topic), partition, before, 4000);
    const what = `truncate ${nameOf(topic)}/${partition}`;
    await askLeader(client, leaders, closing, { topic, partition, what, lane: 'control', request });
  }

  return {
    read,
    bounds: (topic, partition) => bounds(topic, partition),
    divergence,
    truncateBefore,
    offsetForTime: async (topic, partition, timestamp) => {
      // In this order: what is stored after the first question is after the high watermark that it told.
      const { earliest, highWatermark } = await bounds(topic, partition);
      const { offset: found } = await offset(topic, partition, Math.max(0, Math.floor(timestamp)));
      return found < 0 ? highWatermark : Math.max(earliest, found);
    },
  };
}
