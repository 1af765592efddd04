import { BusError } from '../errors.js';
import type { PublishLimits } from './command.js';

/** What waits for the log in this process: bounded in all and per topic, so that one topic cannot starve the others. */
export interface Budget {
  /** Takes room for a whole call. Throws OVERLOADED, with a retry delay, if there is none now. */
  reserve(topic: string, bytes: number): void;
  release(topic: string, bytes: number): void;
}

export function createBudget(limits: Pick<PublishLimits, 'bufferBytes' | 'topicBufferBytes'>): Budget {
  let used = 0;
  const usedBy = new Map<string, number>();
  return {
    reserve(topic, bytes) {
      const ofTopic = usedBy.get(topic) ?? 0;
      const full =
        used + bytes > limits.bufferBytes ? 'server' : ofTopic + bytes > limits.topicBufferBytes ? 'topic' : undefined;
      if (full) {
        const limit = full === 'server' ? limits.bufferBytes : limits.topicBufferBytes;
        throw new BusError(
          'OVERLOADED',
          `the ${full}'s publish buffer (${limit} bytes) is full; nothing was stored: try again after the retry delay`,
          { metadata: { buffer: full, buffer_bytes: String(limit) } },
        );
      }
      used += bytes;
      usedBy.set(topic, ofTopic + bytes);
    },
    release(topic, bytes) {
      used -= bytes;
      const left = (usedBy.get(topic) ?? 0) - bytes;
      if (left > 0) usedBy.set(topic, left);
      else usedBy.delete(topic);
    },
  };
}
