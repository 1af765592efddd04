import { writeSync } from 'node:fs';
import { openEmbedded } from '../../src/drivers/embedded/index.js';
import { keepAll } from './log-helpers.js';
import { WRITER_PARTITIONS, writerTopic, writtenRecord } from './written-record.js';

/**
 * A process that writes to a directory until it is killed, and prints a line for each thing that was acknowledged:
 * `appended <partition> <end offset>`, `truncated <partition> <offset>`, `counted <version>`, `cycled <generation>`.
 */
const directory = process.argv[2] ?? '';
const say = (line: string) => writeSync(1, `${line}\n`);

const { log, coordination } = await openEmbedded({ directory }).catch((error: Error) => {
  say(`refused ${error.message}`);
  process.exit(1);
});
if ((await log.describeTopic(writerTopic)) === undefined) {
  await log.createTopic(writerTopic, keepAll({ partitions: WRITER_PARTITIONS }));
}

async function append(partition: number): Promise<never> {
  for (;;) {
    const { earliest, highWatermark: next } = await log.bounds(writerTopic, partition);
    const count = 1 + Math.floor(Math.random() * 20);
    await log.append(
      writerTopic,
      partition,
      Array.from({ length: count }, (_, i) => writtenRecord(partition, next + i)),
    );
    say(`appended ${partition} ${next + count}`);
    if (next - earliest < 2_000) continue;
    await log.truncateBefore(writerTopic, partition, next - 1_000);
    say(`truncated ${partition} ${next - 1_000}`);
  }
}

async function count(): Promise<never> {
  const path = ['count', 'er'];
  if ((await coordination.get(path)) === undefined) await coordination.create(path, Buffer.from('0'));
  for (;;) {
    const version = (await coordination.get(path))?.version ?? 0;
    await coordination.set(path, Buffer.from(`${version + 1}`), version);
    say(`counted ${version + 1}`);
  }
}

/** Creates a topic, fills it and deletes it, over and over: a topic never holds records of another life. */
async function cycle(): Promise<never> {
  for (let generation = Date.now(); ; generation++) {
    if ((await log.describeTopic('cycle')) !== undefined) await log.deleteTopic('cycle');
    await log.createTopic('cycle', keepAll());
    for (let i = 0; i < 5; i++) {
      await log.append('cycle', 0, [{ key: null, value: Buffer.from(`${generation}:${i}`), headers: [] }]);
    }
    say(`cycled ${generation}`);
  }
}

await Promise.all([
  ...Array.from({ length: WRITER_PARTITIONS }, (_, partition) => append(partition)),
  count(),
  cycle(),
]);
