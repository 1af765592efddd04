import { BusError } from '../errors.js';
import type { EventLog } from '../ports/event-log.js';
import { toDeliveries } from '../subscribe/delivery.js';
import type { Delivery } from '../subscribe/frames.js';
import type { ActiveTopic } from '../topics/topic.js';

/** The record at one offset. Throws RECORD_NOT_FOUND with what is there instead, LOG_UNAVAILABLE. */
export async function readOne(
  log: EventLog,
  topic: ActiveTopic,
  partition: number,
  offset: number,
  signal: AbortSignal,
): Promise<Delivery> {
  const { name, settings } = topic;
  const { partitions } = settings;
  if (partition >= partitions) {
    const has = partitions === 1 ? '1 partition, 0' : `${partitions} partitions, from 0 to ${partitions - 1}`;
    throw notFound(`${name} has ${has}; there is no ${partition}`, { topic: name, partition: String(partition) });
  }
  const result = await log.read(topic, partition, offset, 1, signal);
  const { earliest, highWatermark } = result;
  const first = result.outcome === 'ok' ? result.records[0] : undefined;
  if (first?.offset === offset) {
    const [delivery] = toDeliveries(partition, [first]);
    if (delivery) return delivery;
  }
  const facts = {
    topic: name,
    partition: String(partition),
    offset: String(offset),
    earliest: String(earliest),
    highWatermark: String(highWatermark),
  };
  const where = `there is no record at offset ${offset} in partition ${partition} of ${name}`;
  if (earliest >= highWatermark) {
    throw notFound(`${where}: it holds none; the next one will have offset ${highWatermark}`, facts);
  }
  const bounds = `it begins at ${earliest}, and the next record will have offset ${highWatermark}`;
  if (offset < earliest) throw notFound(`${where} any more: retention has removed it; ${bounds}`, facts);
  if (offset >= highWatermark) throw notFound(`${where} yet; ${bounds}`, facts);
  const next = first && first.offset > offset ? first.offset : undefined;
  const after = next === undefined ? bounds : `the next one is at ${next}`;
  throw notFound(`${where}: it is a hole, as compaction and transactions leave them; ${after}`, {
    ...facts,
    ...(next !== undefined && { next: String(next) }),
  });
}

function notFound(message: string, metadata: Readonly<Record<string, string>>): BusError {
  return new BusError('RECORD_NOT_FOUND', message, { metadata });
}
