import type { AppendRecord } from '../../src/core/model.js';
import type { EventLog } from '../../src/core/ports/event-log.js';
import { makeEvent, sequenceAt, storedHeaders, writeSequence } from '../events.js';
import { type ReadBack, sequenceCheck } from '../wire/sequences.js';

export interface AppendPlan {
  readonly batch: number;
  readonly eventBytes: number;
  /** Run for so long, or append so many events. */
  readonly ms?: number;
  readonly events?: number;
}

/** Appends batches as fast as the log takes them, one in flight per partition; resolves with the number of events. */
export async function appendLoop(log: EventLog, topic: string, partitions: number, plan: AppendPlan): Promise<number> {
  const template = makeEvent(plan.eventBytes);
  const end = performance.now() + (plan.ms ?? Number.POSITIVE_INFINITY);
  let sent = 0;
  async function run(partition: number): Promise<void> {
    while (performance.now() < end && sent < (plan.events ?? Number.POSITIVE_INFINITY)) {
      // As a server has it: the bytes of a request arrive as one buffer, of which the payloads are parts.
      const body = Buffer.allocUnsafe(plan.batch * template.length);
      const records: AppendRecord[] = [];
      for (let i = 0; i < plan.batch; i++) {
        const at = i * template.length;
        template.copy(body, at);
        writeSequence(body, at + sequenceAt, numbers++);
        records.push({ key: null, value: body.subarray(at, at + template.length), headers: storedHeaders });
      }
      sent += plan.batch;
      await log.append(topic, partition, records);
    }
  }
  await Promise.all(Array.from({ length: partitions }, (_, partition) => run(partition)));
  return sent;
}
let numbers = 0;

const readBytes = 512 * 1024;

/** Reads everything there is, range by range, partition by partition, and counts. */
export async function readLoop(log: EventLog, topic: string, partitions: number): Promise<number> {
  const count = await Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      let next = (await log.bounds(topic, partition)).earliest;
      let records = 0;
      for (;;) {
        const slice = await log.read(topic, partition, next, readBytes);
        if (slice.outcome !== 'ok') throw new Error(`${topic}/${partition} at ${next}: ${slice.outcome}`);
        if (slice.nextOffset === next) return records;
        records += slice.records.length;
        next = slice.nextOffset;
      }
    }),
  );
  return count.reduce((sum, records) => sum + records, 0);
}

/** Follows all partitions from their beginning until it has what there is now, and counts. */
export async function tailLoop(log: EventLog, topic: string, partitions: number): Promise<number> {
  const bounds = await Promise.all(Array.from({ length: partitions }, (_, partition) => log.bounds(topic, partition)));
  let records = 0;
  let behind = partitions;
  let atEnd: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    atEnd = resolve;
  });
  const tail = log.openTail({
    slice(_topic, partition, slice) {
      records += slice.records.length;
      if (slice.nextOffset === bounds[partition]?.highWatermark && slice.records.length > 0) behind -= 1;
      if (behind === 0) atEnd();
    },
    stopped: (name, partition, why) => {
      throw new Error(`${name}/${partition}: ${why.outcome}`);
    },
  });
  bounds.forEach(({ earliest }, partition) => {
    tail.add(topic, partition, earliest);
  });
  await ended;
  await tail.close();
  return records;
}

/** The same as `readLoop`, looking at each record: for the check after a run, not for measuring. */
export async function readBack(log: EventLog, topic: string, partitions: number): Promise<ReadBack> {
  const check = sequenceCheck();
  for (let partition = 0; partition < partitions; partition++) {
    for (let next = (await log.bounds(topic, partition)).earliest; ; ) {
      const slice = await log.read(topic, partition, next, readBytes);
      if (slice.outcome !== 'ok') throw new Error(`${topic}/${partition} at ${next}: ${slice.outcome}`);
      if (slice.nextOffset === next) break;
      for (const { offset, value } of slice.records) if (value) check.add(partition, offset, value, 0);
      next = slice.nextOffset;
    }
  }
  return check.result();
}
