import { keyOf } from '../offsets/hand-over.js';
import type { Reached } from './auto-commits.js';
import type { Serving } from './serving.js';

/** How far a stream has come in each partition since it was asked last: also where it sends nothing, because its filter passes over all of it. */
export function createPassed(serving: Serving): () => Reached[] {
  const told = new Map<string, number>();
  return () => {
    const reached: Reached[] = [];
    for (const { topic, progress } of serving.all()) {
      for (const [partition, next] of progress.positions()) {
        const key = keyOf(topic, partition);
        if (told.get(key) === next) continue;
        told.set(key, next);
        reached.push({ topic, partition, next });
      }
    }
    return reached;
  };
}
