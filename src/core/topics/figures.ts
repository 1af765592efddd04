import { askEach } from '../ask-each.js';
import type { Clock } from '../ports/clock.js';
import type { Bounds, EventLog } from '../ports/event-log.js';
import type { PartitionDetail } from './topic.js';

/** The rate is that of the last minute. */
const rateMs = 60_000;

/**
 * What partitions hold and how fast they grow. What the log does not tell within 5 s stays undefined. The rate goes by the times of the records: how
 * far the first offset of the last minute is from the end.
 */
export async function withFigures(
  ports: { readonly log: EventLog; readonly clock: Clock },
  topic: string,
  partitions: readonly (Bounds & { readonly partition: number })[],
): Promise<PartitionDetail[]> {
  const { log, clock } = ports;
  const since = clock.wallTime() - rateMs;
  const growing = partitions.filter(({ earliest, highWatermark }) => highWatermark > earliest);
  const [sizes, offsets] = await Promise.all([
    askEach(ports, [topic], () => log.size(topic)),
    askEach(ports, growing, ({ partition }) => log.offsetForTime(topic, partition, since)),
  ]);
  const bytes = sizes.get(topic);
  return partitions.map((known) => {
    const { partition, earliest, highWatermark } = known;
    const first = highWatermark > earliest ? offsets.get(known) : highWatermark;
    // What came since the bounds were asked for does not count.
    const recent = first === undefined ? undefined : Math.max(0, highWatermark - first);
    return {
      partition,
      earliest,
      highWatermark,
      sizeBytes: bytes?.[partition],
      eventsPerSecond: recent === undefined ? undefined : recent / (rateMs / 1000),
    };
  });
}

/** The sum; undefined where one of the parts is unknown. */
export function sumOf(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce((sum, value) => (sum === undefined || value === undefined ? undefined : sum + value), 0);
}
