import { BusError } from '../errors.js';
import type { Committer } from '../offsets/committer.js';
import { keyOf, type PartitionOf } from '../offsets/hand-over.js';
import type { Clock } from '../ports/clock.js';
import { retry } from '../retry.js';

/** A partition, and the offset up to which a frame takes it. */
export interface Reached extends PartitionOf {
  readonly next: number;
}

export interface AutoCommitsOptions {
  readonly committer: Committer;
  readonly clock: Clock;
  readonly subscriber: string;
  readonly signal: AbortSignal;
}

/** Commits for the client. */
export interface AutoCommits {
  /**
   * After delivery: commits in the background. What coordination does not take now is tried again with what comes next, or at the next call;
   * FENCED is nothing to report: somebody else delivers from the committed position on.
   */
  after(reached: readonly Reached[], generation: number): void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
  /**
   * Before delivery: waits out coordination, and resolves with the keys of the partitions that are committed now; the others belong to somebody
   * else. Rejects only with the signal's reason, and with what waiting does not cure.
   */
  before(reached: readonly Reached[], generation: number): Promise<ReadonlySet<string>>;
}

export function createAutoCommits({ committer, clock, subscriber, signal }: AutoCommitsOptions): AutoCommits {
  /** By partition: what is not committed yet; `asked` while that is under way. */
  const open = new Map<string, Reached & { readonly generation: number; asked: boolean }>();
  const underWay = new Set<Promise<void>>();

  const commit = ({ topic, partition, next }: Reached, generation: number) =>
    committer.commit({
      subscriber,
      topic: topic.name,
      incarnation: topic.incarnation,
      partition,
      generation,
      next,
    });

  function send(key: string): void {
    const entry = open.get(key);
    if (!entry || entry.asked) return;
    entry.asked = true;
    const writing = commit(entry, entry.generation)
      .then(
        () => open.get(key) === entry && open.delete(key),
        (error: unknown) => {
          entry.asked = false;
          if (!isAway(error) && open.get(key) === entry) open.delete(key);
        },
      )
      .then(() => {
        underWay.delete(writing);
      });
    underWay.add(writing);
  }

  return {
    after(reached, generation) {
      for (const each of reached) open.set(keyOf(each.topic, each.partition), { ...each, generation, asked: false });
      for (const key of open.keys()) send(key);
    },
    async settled() {
      await Promise.all(underWay);
    },
    async before(reached, generation) {
      const committed = await Promise.all(
        reached.map(async (each) => {
          try {
            await retry(() => commit(each, generation), { clock, signal, maxMs: 2_000, retries: isAway });
            return [keyOf(each.topic, each.partition)];
          } catch (error) {
            if (isLost(error)) return [];
            throw error;
          }
        }),
      );
      return new Set(committed.flat());
    },
  };
}

function isAway(error: unknown): boolean {
  return error instanceof BusError && error.retryable;
}

/** Somebody else's by now, or of a topic that is gone. */
function isLost(error: unknown): boolean {
  return error instanceof BusError && (error.reason === 'FENCED' || error.reason === 'CURSOR_STALE_TOPIC');
}
