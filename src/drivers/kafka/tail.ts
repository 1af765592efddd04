import type { LogTail, TailSink } from '../../core/ports/event-log.js';
import { logIdOf, nameOf } from '../../core/ports/topic-ref.js';
import { isReplaced } from './leaders.js';
import { backoff } from './pause.js';
import { codeName, codes } from './protocol/codes.js';
import type { TopicMetadata } from './protocol/metadata.js';
import { refOf, type TailEntry } from './tail-entry.js';
import { verifyEntries } from './tail-epochs.js';
import { runTailLoop, type TailLoopHost, type TailParts } from './tail-loop.js';
import { createWakeup, type Wakeup } from './wakeup.js';

/** How often a topic must be found missing, a quarter of a second apart or more, before it counts as deleted. */
const missingBeforeDeleted = 3;
const missingPauseMs = 250;
const mostPauseMs = 2000;

/**
 * Follows partitions. Each has an entry; a placement loop finds out which broker leads it, and one fetch loop per broker polls all of that
 * broker's. An entry that runs into trouble goes back to placement, with a growing pause, and keeps its offset.
 */
export function openTail(parts: TailParts, sink: TailSink): LogTail {
  const entries = new Map<string, TailEntry>();
  const loops = new Map<number, { readonly wakeup: Wakeup; readonly done: Promise<void> }>();
  const placement = createWakeup();
  let closed = false;

  const isCurrent = (entry: TailEntry) => !closed && entries.get(keyOf(entry)) === entry;

  const host: TailLoopHost = {
    entriesOf: (node) => [...entries.values()].filter((entry) => entry.node === node),
    isCurrent,
    deliver: (entry, slice) => sink.slice(entry.topic, entry.partition, slice),
    displace: (entry, pauseMs) => {
      if (!isCurrent(entry)) return;
      entry.node = undefined;
      entry.notBefore = performance.now() + (pauseMs ?? backoff(entry.attempts, mostPauseMs));
      entry.attempts += 1;
      entry.unverified = entry.epoch !== undefined;
      placement.wake();
    },
    stop: (entry, why) => {
      if (!isCurrent(entry)) return;
      entries.delete(keyOf(entry));
      sink.stopped(entry.topic, entry.partition, why);
    },
    isClosed: () => closed,
  };

  function startLoop(node: number): void {
    const running = loops.get(node);
    if (running !== undefined) {
      running.wakeup.wake();
      return;
    }
    const wakeup = createWakeup();
    const done = runTailLoop(node, parts, host, wakeup).finally(() => {
      loops.delete(node);
      // An entry that was placed while the loop ended.
      if (!closed && host.entriesOf(node).length > 0) startLoop(node);
    });
    loops.set(node, { wakeup, done });
  }

  // Asks for the leaders of all entries that have none, one question for all of their topics.
  async function place(): Promise<void> {
    while (!closed) {
      const homeless = [...entries.values()].filter((entry) => entry.node === undefined);
      const now = performance.now();
      const due = homeless.filter((entry) => entry.notBefore <= now);
      if (due.length === 0) {
        await placement.wait(Math.min(60_000, ...homeless.map((entry) => entry.notBefore - now)));
        continue;
      }
      await placeThese(due);
    }
  }

  async function placeThese(due: readonly TailEntry[]): Promise<void> {
    const unknown = due.filter(
      (entry) => entry.attempts > 0 || parts.leaders.known(refOf(entry), entry.partition) === undefined,
    );
    try {
      const topics = [...new Set(unknown.map((entry) => entry.topic))];
      const answer = topics.length === 0 ? undefined : await parts.metadata.ask(topics);
      const found = new Map(answer?.topics.map((topic) => [topic.topic, topic]));
      const changed = new Map<number, TailEntry[]>();
      for (const entry of due) {
        if (!isCurrent(entry)) continue;
        const topic = found.get(entry.topic);
        const leader =
          topic === undefined
            ? parts.leaders.known(refOf(entry), entry.partition)?.node
            : topic.partitions.find((one) => one.partition === entry.partition)?.leader;
        if (topic && isGone(entry, topic)) missing(entry);
        else if (leader === undefined || leader < 0) {
          if (topic !== undefined && topic.error !== codes.NONE) {
            parts.report(keyOf(entry), codeName(topic.error));
            entry.troubled = true;
          }
          host.displace(entry);
        } else if (entry.unverified) changed.set(leader, [...(changed.get(leader) ?? []), entry]);
        else settle(entry, leader);
      }
      await Promise.all([...changed].map(([node, moved]) => verify(node, moved)));
    } catch {
      // No broker answers; the monitor tells so.
      for (const entry of due) host.displace(entry);
    }
  }

  /** A broker that does not answer is asked again later, when it may not be the leader any more. */
  async function verify(node: number, moved: readonly TailEntry[]): Promise<void> {
    try {
      for (const entry of await verifyEntries(node, moved, parts, host)) settle(entry, node);
    } catch {
      for (const entry of moved) host.displace(entry);
    }
  }

  function settle(entry: TailEntry, node: number): void {
    entry.missing = 0;
    entry.unverified = false;
    entry.node = node;
    startLoop(node);
  }

  function missing(entry: TailEntry): void {
    entry.missing += 1;
    if (entry.missing >= missingBeforeDeleted) host.stop(entry, { outcome: 'deleted' });
    else host.displace(entry, missingPauseMs);
  }

  const placing = place();
  const unkeep = parts.metadata.keep(() => new Set([...entries.values()].map(({ topic }) => topic)));
  // Where a fetch names topics without their ids the broker serves another one of the same name as if nothing had happened.
  const unwatch = parts.metadata.watch((name, { id }) => {
    if (id === undefined) return;
    for (const entry of entries.values()) {
      if (entry.topic === name && entry.id !== undefined && entry.id !== id && entry.node !== undefined)
        host.displace(entry);
    }
  });

  return {
    add: (topic, partition, from, epoch) => {
      if (closed) return;
      const entry: TailEntry = {
        topic: nameOf(topic),
        id: logIdOf(topic),
        partition,
        next: from,
        epoch,
        unverified: epoch !== undefined,
        reported: undefined,
        earliest: undefined,
        node: undefined,
        attempts: 0,
        missing: 0,
        starved: false,
        troubled: false,
        notBefore: 0,
      };
      entries.set(keyOf(entry), entry);
      const leader = parts.leaders.known(topic, partition);
      if (leader === undefined || entry.unverified) placement.wake();
      else settle(entry, leader.node);
    },
    remove: (topic, partition) => void entries.delete(keyOf({ topic, partition })),
    close: async () => {
      closed = true;
      unkeep();
      unwatch();
      entries.clear();
      placement.wake();
      for (const loop of loops.values()) loop.wakeup.wake();
      await Promise.all([placing, ...[...loops.values()].map((loop) => loop.done)]);
    },
  };
}

/** There is no such topic, or another one of its name. */
function isGone(entry: TailEntry, topic: TopicMetadata): boolean {
  return topic.error === codes.UNKNOWN_TOPIC_OR_PARTITION || isReplaced(refOf(entry), topic);
}

function keyOf(entry: { readonly topic: string; readonly partition: number }): string {
  return `${entry.topic}/${entry.partition}`;
}
