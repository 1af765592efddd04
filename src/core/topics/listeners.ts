import { BusError } from '../errors.js';
import type { KnownTopic } from './registry.js';
import type { ActiveTopic } from './topic.js';

type Listener = (now: ActiveTopic | BusError) => void;

interface Watcher {
  readonly incarnation: string;
  last: ActiveTopic;
  readonly listener: Listener;
}

/** Who wants to know of changes to which topic. */
export class TopicListeners {
  readonly #byName = new Map<string, Set<Watcher>>();
  readonly #ofAll = new Set<{ readonly call: () => void }>();

  /** `now` tells what is known of the topic; if that is not the snapshot which the caller has, it is told in a microtask. */
  add(topic: ActiveTopic, now: () => KnownTopic | undefined, listener: Listener): () => void {
    const watcher: Watcher = { incarnation: topic.incarnation, last: topic, listener };
    const watchers = this.#byName.get(topic.name) ?? new Set<Watcher>();
    this.#byName.set(topic.name, watchers.add(watcher));
    queueMicrotask(() => {
      if (watchers.has(watcher)) this.#tell(topic.name, watcher, now());
    });
    return () => this.#remove(topic.name, watcher);
  }

  /** For who wants to know of all topics. */
  addForAll(call: () => void): () => void {
    const watcher = { call };
    this.#ofAll.add(watcher);
    return () => this.#ofAll.delete(watcher);
  }

  changed(name: string, known: KnownTopic | undefined): void {
    for (const watcher of [...(this.#byName.get(name) ?? [])]) this.#tell(name, watcher, known);
    for (const { call } of [...this.#ofAll]) call();
  }

  #tell(name: string, watcher: Watcher, known: KnownTopic | undefined): void {
    const snapshot = known?.snapshot;
    if (snapshot?.incarnation === watcher.incarnation) {
      if (snapshot === watcher.last) return;
      watcher.last = snapshot;
      watcher.listener(snapshot);
    } else {
      this.#remove(name, watcher);
      watcher.listener(BusError.topicDeleted(name));
    }
  }

  #remove(name: string, watcher: Watcher): void {
    const watchers = this.#byName.get(name);
    if (watchers?.delete(watcher) && watchers.size === 0) this.#byName.delete(name);
  }
}
