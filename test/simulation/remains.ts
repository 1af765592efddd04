import type { SubscribeCommand } from '../../src/core/subscribe/frames.js';
import type { MemoryWorld } from '../../src/drivers/memory/index.js';
import { type Plan, reads } from './plan.js';
import type { Position } from './positions.js';

/** What there is at the end. */
export interface Remains {
  readonly world: MemoryWorld;
  readonly plan: Plan;
  readonly topics: readonly string[];
}

/** The end of each partition that a subscriber reads. */
export function endOf(world: MemoryWorld, topics: readonly string[], command: SubscribeCommand): Position[] {
  return topics
    .filter((topic) => reads(command, topic))
    .flatMap((topic) =>
      (world.topics.find(topic)?.partitions ?? []).map(({ records }, partition) => ({
        topic,
        partition,
        offset: records.length,
      })),
    );
}

/** What an event holds. */
export const payloadOf = (id: number): string => `{"id":${id}}`;
