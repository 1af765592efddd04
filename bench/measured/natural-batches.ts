import type { AppendRecord } from '../../src/core/model.js';
import type { EventLog } from '../../src/core/ports/event-log.js';

interface Waiting {
  readonly record: AppendRecord;
  readonly resolve: (offset: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The least that a handler needs to share the log: the port takes one append per partition at a time, so that what comes meanwhile makes up the
 * next. No limits, no checks, no withdrawal.
 */
export function naturalBatches(
  log: EventLog,
  topic: string,
  partition: number,
): (record: AppendRecord) => Promise<number> {
  const waiting: Waiting[] = [];
  let running = false;

  async function run(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, 500);
      try {
        const { baseOffset } = await log.append(
          topic,
          partition,
          batch.map(({ record }) => record),
        );
        for (let i = 0; i < batch.length; i++) batch[i]?.resolve(baseOffset + i);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = false;
  }

  return (record) =>
    new Promise((resolve, reject) => {
      waiting.push({ record, resolve, reject });
      if (!running) void run();
    });
}
