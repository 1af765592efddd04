import type { EventLog } from '../../src/core/ports/event-log.js';
import { makeEvent, readSequence, sequenceAt, writeSequence } from '../events.js';
import { openLoop } from '../load/open-loop.js';
import { naturalBatches } from './natural-batches.js';

/** Events at a steady rate through the driver and its tail: milliseconds from when each was due until it came out. */
export async function endToEnd(
  log: EventLog,
  topic: string,
  partitions: number,
  { perSecond, ms, eventBytes }: { readonly perSecond: number; readonly ms: number; readonly eventBytes: number },
): Promise<number[]> {
  const append = Array.from({ length: partitions }, (_, partition) => naturalBatches(log, topic, partition));
  const template = makeEvent(eventBytes);
  const total = Math.round((perSecond * ms) / 1000);
  const due: number[] = [];
  const latencies: number[] = [];
  let allSeen: () => void = () => undefined;
  const seen = new Promise<void>((resolve) => {
    allSeen = resolve;
  });
  const tail = log.openTail({
    slice(_topic, _partition, { records }) {
      const now = performance.now();
      for (const { value } of records) {
        if (value) latencies.push(now - (due[readSequence(value)] ?? now));
      }
      if (latencies.length >= total) allSeen();
    },
    stopped: (name, partition, why) => {
      throw new Error(`${name}/${partition}: ${why.outcome}`);
    },
  });
  for (let partition = 0; partition < partitions; partition++) {
    tail.add(topic, partition, (await log.bounds(topic, partition)).highWatermark);
  }
  await openLoop(perSecond, total, (number, dueAt) => {
    due[number] = dueAt;
    const value = Buffer.from(template);
    writeSequence(value, sequenceAt, number);
    void append[number % partitions]?.({ key: null, value, headers: [] });
  });
  await seen;
  await tail.close();
  return latencies;
}
