import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Cluster } from '../../test/cluster/cluster.js';
import { ensureJars, kafkaJars } from '../../test/cluster/jars.js';
import { measuredCore } from '../stage.js';

/** Events per second of Kafka's own Java producer on the measured core: acks=all, linger 5 ms, batches of 256 KiB; once per round. */
export async function producerPerformance(
  { kafka }: Cluster,
  topic: string,
  eventBytes: number,
  rounds: number,
): Promise<number[]> {
  const jars = await ensureJars(kafkaJars('3.9.1'));
  const records = Math.round(300_000_000 / Math.max(300, eventBytes));
  const found: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { stdout } = await promisify(execFile)('taskset', [
      ...['-c', String(measuredCore), 'java', '-Xmx512m', '-cp', join(jars, '*')],
      'org.apache.kafka.tools.ProducerPerformance',
      ...[
        '--topic',
        topic,
        '--num-records',
        String(records),
        '--record-size',
        String(eventBytes),
        '--throughput',
        '-1',
      ],
      ...[
        '--producer-props',
        `bootstrap.servers=${kafka.brokers.join(',')}`,
        'acks=all',
        'linger.ms=5',
        'batch.size=262144',
      ],
    ]);
    // The last line is the sum of the run.
    const rates = [...stdout.matchAll(/records sent, ([\d.]+) records\/sec/g)];
    found.push(Number(rates.at(-1)?.[1]));
  }
  return found;
}
