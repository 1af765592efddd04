import { BusError } from '../../core/errors.js';
import { nameOf, type TopicRef } from '../../core/ports/topic-ref.js';
import { topicNotFound, unavailable } from './errors.js';
import type { KafkaClient } from './kafka-client.js';
import { isReplaced, type Leaders } from './leaders.js';
import { requestTimeoutMs } from './metadata-cache.js';
import { describeLogDirsRequest } from './protocol/admin.js';

/**
 * The bytes of each partition's log files at its leader, asked of all leaders at the same time. Undefined where there is no leader, where it does not
 * answer, and for all of them where the cluster's rules do not let us ask (it takes DESCRIBE on the cluster).
 */
export async function topicSize(
  client: KafkaClient,
  leaders: Leaders,
  topic: TopicRef,
): Promise<readonly (number | undefined)[]> {
  const name = nameOf(topic);
  const found = await leaders.topic(name);
  if (found === undefined) throw topicNotFound(name);
  if (isReplaced(topic, found)) throw BusError.topicReplaced(name);
  const byLeader = new Map<number, number[]>();
  for (const { partition, leader } of found.partitions) {
    if (leader >= 0) byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition]);
  }
  const sizes = new Map<number, number>();
  const answers = await Promise.allSettled(
    [...byLeader].map(async ([leader, partitions]) => {
      const request = describeLogDirsRequest(name, partitions);
      const bytes = await client.ask(leader, 'control', request, requestTimeoutMs);
      // A new partition has files only a moment after it has a leader.
      if (bytes) for (const partition of partitions) sizes.set(partition, bytes.get(partition) ?? 0);
    }),
  );
  const failures = answers.filter((answer) => answer.status === 'rejected');
  if (failures.length > 0 && failures.length === answers.length) {
    throw unavailable(`tell the size of ${name}`, failures[0]?.reason);
  }
  return Array.from({ length: found.partitions.length }, (_, partition) => sizes.get(partition));
}
