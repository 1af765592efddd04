import type { Clock, Timer } from '../ports/clock.js';
import type { EventLog } from '../ports/event-log.js';
import { createReadTurns } from '../subscribe/read-turns.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import { type Cut, createPartitionWindow, type PartitionWindow } from './partition-window.js';

/** The windows of a process: one for each partition that gets events with an identity. */
export interface DedupeWindows {
  /** Undefined where the topic says that events are not compared. */
  of(topic: ActiveTopic, partition: number): PartitionWindow | undefined;
  /** The one that is there. */
  find(topic: string, partition: number): PartitionWindow | undefined;
  /** Set where a partition's window is cut short; told to `onShortWindow` once for a topic, until none of its windows is. */
  cut(topic: string, partition: number): Cut | undefined;
  close(): void;
}

interface WindowsPorts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly topics: Topics;
  /** How much all indexes may take together. */
  readonly bytes: number;
  readonly onShortWindow: (short: ShortWindow) => void;
}

/** A partition's window that is shorter than its topic's settings say. */
export interface ShortWindow extends Cut {
  readonly topic: string;
  readonly partition: number;
}

/** The same in words. */
export function shortWindowText(topic: string, partition: number, { reachMs, windowMs, entries }: Cut): string {
  return (
    `events that were published to ${topic} before are recognised for ${seconds(reachMs)} only, not ${seconds(windowMs)}: partition ${partition} has got more than ` +
    `its share of dedupe_entries since, which is ${entries} events, or the server has no more memory for them`
  );
}

const seconds = (ms: number) => `${Math.floor(ms / 1000)} s`;

/** How often is looked for what is over: topics that are gone, and entries of partitions that are idle. */
const sweepMs = 60_000;

export function createDedupeWindows({ log, clock, topics, bytes, onShortWindow }: WindowsPorts): DedupeWindows {
  const windows = new Map<string, { readonly topic: string; readonly window: PartitionWindow }>();
  const turns = createReadTurns(clock);
  /** Topics with a window that is cut short. */
  const short = new Set<string>();
  let used = 0;
  let sweeping: Timer | undefined;
  let closed = false;
  const memory = {
    take(wanted: number, anyway: boolean) {
      if (used + wanted > bytes && !anyway) return false;
      used += wanted;
      return true;
    },
    give(back: number) {
      used -= back;
    },
  };

  function sweep(): void {
    const whole = new Set(short);
    for (const [name, { topic, window }] of windows) {
      if (lives(topic, window.incarnation)) window.trim();
      else drop(name, window);
      if (window.cut) whole.delete(topic);
    }
    for (const topic of whole) short.delete(topic);
    sweeping = windows.size === 0 || closed ? undefined : clock.setTimeout(sweep, sweepMs).unref();
  }

  /** Where coordination has been away for too long to say, a topic lives on. */
  function lives(topic: string, incarnation: string): boolean {
    try {
      return topics.peek(topic)?.incarnation === incarnation;
    } catch {
      return true;
    }
  }

  function drop(name: string, window: PartitionWindow): void {
    window.close();
    windows.delete(name);
  }

  return {
    of(topic, partition) {
      const { dedupeWindowMs, dedupeEntries, partitions } = topic.settings;
      const name = `${topic.name}/${partition}`;
      let window = windows.get(name)?.window;
      if (window && (dedupeWindowMs === 0 || window.incarnation !== topic.incarnation)) {
        drop(name, window);
        window = undefined;
      }
      if (dedupeWindowMs === 0) return undefined;
      const settings = { windowMs: dedupeWindowMs, entries: Math.ceil(dedupeEntries / partitions) };
      if (window) {
        window.use(settings);
        return window;
      }
      window = createPartitionWindow({ log, clock, turns, memory }, topic, partition, settings);
      windows.set(name, { topic: topic.name, window });
      sweeping ??= clock.setTimeout(sweep, sweepMs).unref();
      return window;
    },
    find: (topic, partition) => windows.get(`${topic}/${partition}`)?.window,
    cut(topic, partition) {
      const cut = windows.get(`${topic}/${partition}`)?.window.cut;
      if (cut && !short.has(topic)) {
        short.add(topic);
        onShortWindow({ topic, partition, ...cut });
      }
      return cut;
    },
    close() {
      closed = true;
      sweeping?.close();
      for (const [name, { window }] of windows) drop(name, window);
    },
  };
}
