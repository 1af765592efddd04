import type { Appended } from '../../core/ports/event-log.js';
import type { KnownLogTopic } from '../../core/ports/topic-ref.js';
import type { KafkaClient } from './kafka-client.js';
import type { Leaders } from './leaders.js';
import { requestTimeoutMs } from './metadata-cache.js';
import { backoff, pause } from './pause.js';
import { codes } from './protocol/codes.js';
import { fetchBatchesRequest } from './protocol/fetch.js';
import type { BatchStamp } from './protocol/record-batch.js';
import { firstOf } from './protocol/requests.js';
import { readInt64 } from './protocol/wire.js';
import type { Reads } from './reads.js';

const limits = { maxWaitMs: 0, maxBytes: 4 * 1024 * 1024, maxPartitionBytes: 4 * 1024 * 1024 };

/** How far the clocks of brokers may differ from ours: the search starts so long before the batch was made. */
const skewMs = 5 * 60_000;

export interface BatchSearch {
  readonly client: KafkaClient;
  readonly leaders: Leaders;
  readonly reads: Reads;
  readonly closing: AbortSignal;
}

/**
 * Finds a batch by its stamp, which a broker says it has stored. Waits where it is not replicated yet. Undefined if the batch is not found before `deadline`
 * (by performance.now()).
 *
 * @param madeAt when the batch was made, in milliseconds since 1970
 */
export async function findStoredBatch(
  { client, leaders, reads, closing }: BatchSearch,
  topic: KnownLogTopic,
  partition: number,
  stamp: BatchStamp,
  madeAt: number,
  deadline: number,
): Promise<Appended | undefined> {
  let next: number | undefined;
  for (let attempt = 0; performance.now() < deadline; ) {
    try {
      next ??= await reads.offsetForTime(topic, partition, madeAt - skewMs);
      const { node } = await leaders.find(topic, partition, deadline);
      const scan = (data: Buffer, start: number) => scanBatches(data, start, stamp);
      const request = fetchBatchesRequest(
        [{ topic: topic.name, id: topic.logId, partition, from: next }],
        limits,
        scan,
      );
      const fetched = firstOf(await client.ask(node, 'reads', request, requestTimeoutMs), 'Fetch');
      if (fetched.found) return fetched.found;
      // Retention has removed the records there: the batch can only be behind them.
      if (fetched.error === codes.OFFSET_OUT_OF_RANGE) next = undefined;
      else if (fetched.error !== codes.NONE) leaders.forget(topic.name);
      else if (fetched.nextOffset > next) {
        next = fetched.nextOffset;
        continue;
      }
    } catch {
      closing.throwIfAborted();
      leaders.forget(topic.name);
    }
    await pause(backoff(attempt++, 500), closing);
  }
  return undefined;
}

interface Scanned {
  readonly found: Appended | undefined;
  readonly nextOffset: number;
}

function scanBatches(data: Buffer, from: number, { producerId, epoch, sequence }: BatchStamp): Scanned {
  let nextOffset = from;
  for (let start = 0; data.length - start >= 61; ) {
    const end = start + 12 + data.readInt32BE(start + 8);
    if (end > data.length) break;
    const baseOffset = readInt64(data, start);
    const isIt =
      data.readInt8(start + 16) === 2 &&
      data.subarray(start + 43, start + 51).equals(producerId) &&
      data.readInt16BE(start + 51) === epoch &&
      data.readInt32BE(start + 53) === sequence;
    if (isIt) return { found: { baseOffset, timestamp: readInt64(data, start + 35) }, nextOffset };
    nextOffset = baseOffset + data.readInt32BE(start + 23) + 1;
    start = end;
  }
  return { found: undefined, nextOffset };
}
