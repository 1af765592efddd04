/**
 * Something that happens at most once, and who wants to hear of it. An AbortSignal would do, but it looks through all its listeners whenever
 * one is added or removed: ten thousand streams listen here.
 */
export interface Announcement {
  readonly made: boolean;
  /** Calls all that listen, once; later ones never. */
  make(): void;
  /** Calls back when it is made, until the returned function is called. `heard` must not throw. */
  listen(heard: () => void): () => void;
}

export function createAnnouncement(): Announcement {
  const listeners = new Set<() => void>();
  let made = false;
  return {
    get made() {
      return made;
    },
    make() {
      made = true;
      for (const heard of listeners) heard();
      listeners.clear();
    },
    listen(heard) {
      listeners.add(heard);
      return () => listeners.delete(heard);
    },
  };
}
