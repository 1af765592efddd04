/** A trouble that has not been met again for so long is forgotten: nobody tries any more. */
const rememberedMs = 60_000;
/** How many are named in a text. */
const mostNamed = 3;
/** How many are remembered. */
const most = 1000;

interface Trouble {
  readonly since: number;
  last: number;
  text: string;
}

/** The partitions with which something fails, and why. */
export interface Troubles {
  readonly isEmpty: boolean;
  /** @returns whether `text()` may have changed */
  set(place: string, trouble: string | undefined): boolean;
  clear(): void;
  /** Undefined where nothing has failed for long enough. */
  text(): string | undefined;
}

/**
 * @param what in the words of an operator: `publishing to`
 * @param patienceMs how long something must fail before it counts
 */
export function createTroubles(what: string, patienceMs: number): Troubles {
  const troubles = new Map<string, Trouble>();

  return {
    get isEmpty() {
      return troubles.size === 0;
    },
    set(place, text) {
      if (text === undefined) return troubles.delete(place);
      const known = troubles.get(place);
      const at = performance.now();
      if (known !== undefined && at - known.last < rememberedMs) {
        known.last = at;
        known.text = text;
      } else if (troubles.size < most) troubles.set(place, { since: at, last: at, text });
      return true;
    },
    clear: () => troubles.clear(),
    text() {
      const at = performance.now();
      const lasting: string[] = [];
      for (const [place, { since, last, text }] of troubles) {
        if (at - last > rememberedMs) troubles.delete(place);
        else if (last - since >= patienceMs) lasting.push(`${what} ${place} fails: ${text}`);
      }
      if (lasting.length === 0) return undefined;
      const more = lasting.length - mostNamed;
      return lasting.slice(0, mostNamed).join('; ') + (more > 0 ? `; and ${more} more` : '');
    },
  };
}
