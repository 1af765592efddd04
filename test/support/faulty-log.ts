import type { EventLog } from '../../src/core/ports/event-log.js';

/** A real log in which the next appends can be held up or made to fail, to see what callers are told. */
export interface FaultyLog extends EventLog {
  /** Sizes of the batches that were appended, in order. */
  readonly batches: { readonly partition: number; readonly records: number }[];
  /** Called before each append; throws to make it fail, waits to hold it up. */
  before: ((partition: number, records: number, patienceMs: number | undefined) => Promise<void> | void) | undefined;
  /** Called after each append that was stored; throws to lose its answer. */
  after: (() => void) | undefined;
}

export function faultyLog(log: EventLog): FaultyLog {
  const faulty: FaultyLog = Object.create(log, {
    batches: { value: [] },
    before: { value: undefined, writable: true },
    after: { value: undefined, writable: true },
    append: {
      value: async (...[topic, partition, records, isWanted, patienceMs]: Parameters<EventLog['append']>) => {
        await faulty.before?.(partition, records.length, patienceMs);
        const appended = await log.append(topic, partition, records, isWanted, patienceMs);
        faulty.batches.push({ partition, records: records.length });
        faulty.after?.();
        return appended;
      },
    },
  });
  return faulty;
}
