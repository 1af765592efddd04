/** Something that will happen in virtual time. */
export interface Planned {
  cancel(): void;
}

/** Virtual time: what is planned happens in its order, each with all that follows from it, before the next; nothing ever waits. */
export interface Scheduler {
  /** Milliseconds since the start of the simulation. */
  now(): number;
  after(ms: number, act: () => void): Planned;
  /** Lets things happen, up to this time; ends early where `until` comes true, or nothing is planned any more. */
  run(to: number, until?: () => boolean): Promise<void>;
  /** How many things have happened. */
  readonly steps: number;
}

interface Entry extends Planned {
  readonly at: number;
  readonly number: number;
  act: (() => void) | undefined;
}

export function createScheduler(): Scheduler {
  const heap: Entry[] = [];
  let now = 0;
  let number = 0;
  let steps = 0;

  const before = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.number < b.number);

  function push(entry: Entry): void {
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = heap[up];
      if (!parent || before(parent, entry)) break;
      heap[i] = parent;
      i = up;
    }
    heap[i] = entry;
  }

  function pop(): Entry | undefined {
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || first === last) return first;
    let i = 0;
    for (;;) {
      const left = heap[2 * i + 1];
      const right = heap[2 * i + 2];
      const down = right && left && before(right, left) ? 2 * i + 2 : 2 * i + 1;
      const child = heap[down];
      if (!child || before(last, child)) break;
      heap[i] = child;
      i = down;
    }
    heap[i] = last;
    return first;
  }

  return {
    now: () => now,
    get steps() {
      return steps;
    },
    after(ms, act) {
      const entry: Entry = {
        at: now + Math.max(0, ms),
        number: number++,
        act,
        cancel() {
          entry.act = undefined;
        },
      };
      push(entry);
      return entry;
    },
    async run(to, until = () => false) {
      await settled();
      for (let next = heap[0]; next && next.at <= to && !until(); next = heap[0]) {
        pop();
        if (!next.act) continue;
        now = next.at;
        steps++;
        next.act();
        await settled();
      }
      if (!until()) now = Math.max(now, to);
    },
  };
}

/** Resolves when every promise that could go on has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
