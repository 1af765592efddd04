import { firstOffsetWhere } from './partition.js';
import type { Store } from './store.js';
import type { Partition, Topic } from './topic.js';

/**
 * The offset that a partition may start at by its topic's retention: whole batches that are older than `retentionMs`, and those beyond
 * `retentionBytes` counted from the newest. Both are lower bounds.
 */
function retainedFrom(store: Store, partition: Partition, now: number): number {
  const { retentionMs, retentionBytes } = partition.topic.settings;
  let from = partition.earliest;
  if (retentionMs > 0) {
    const oldest = now - retentionMs;
    from = firstOffsetWhere(store, partition, (facts) => facts.timestamp >= oldest);
  }
  if (retentionBytes > 0) {
    const { bytesSoFar } = partition;
    from = Math.max(
      from,
      firstOffsetWhere(store, partition, (facts) => bytesSoFar - facts.bytesSoFar < retentionBytes),
    );
  }
  return from;
}

/** How many partitions to look at in one go. */
const PARTITIONS_PER_TURN = 50;

/** Applies retention to all partitions every `intervalMs`, until the returned function is called. */
export function keepRetention(
  store: Store,
  topics: () => Iterable<Topic>,
  truncate: (partition: Partition, offset: number) => Promise<void>,
  options: { readonly intervalMs: number; readonly clock: () => number },
): () => void {
  let stopped = false;
  const round = async (): Promise<void> => {
    const partitions = [...topics()].flatMap((topic) => {
      const { retentionMs, retentionBytes } = topic.settings;
      return retentionMs > 0 || retentionBytes > 0 ? topic.partitions : [];
    });
    for (const [index, partition] of partitions.entries()) {
      if (stopped) return;
      if (index % PARTITIONS_PER_TURN === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      if (partition.topic.gone) continue;
      const from = retainedFrom(store, partition, options.clock());
      if (from > partition.earliest) await truncate(partition, from);
    }
  };
  const next = () => {
    timer = setTimeout(() => {
      // What fails now (no room, say) is tried again with the next round.
      void round()
        .catch(() => undefined)
        .finally(() => {
          if (!stopped) next();
        });
    }, options.intervalMs).unref();
  };
  let timer: NodeJS.Timeout | undefined;
  next();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
