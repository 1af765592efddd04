import { none, type Outcome } from './outcome.js';

/** Remembers what has been searched for, and knows what is being searched for. */
export interface SolveMemory {
  recall(goal: string, search: () => Outcome): Outcome;
}

/**
 * A goal that is met again while it is being searched for counts as `none`. What has been concluded with that is kept only if the
 * goal turns out so.
 */
export function createSolveMemory(): SolveMemory {
  const known = new Map<string, Outcome>();
  /** Depth of each goal that is being searched for. */
  const open = new Map<string, number>();
  /** Concluded under an assumption on a goal that is still open: the outermost such goal's depth. */
  const provisional = new Map<string, number>();
  let assumed = Number.POSITIVE_INFINITY;

  return {
    recall(goal, search) {
      const found = known.get(goal);
      if (found !== undefined) return found;
      const assumption = provisional.get(goal) ?? open.get(goal);
      if (assumption !== undefined) {
        assumed = Math.min(assumed, assumption);
        return none;
      }
      const depth = open.size;
      const outer = assumed;
      const before = provisional.size;
      assumed = Number.POSITIVE_INFINITY;
      open.set(goal, depth);
      let outcome: Outcome;
      try {
        outcome = search();
      } finally {
        open.delete(goal);
      }
      const own = assumed;
      const since = provisional.size === before ? [] : [...provisional.keys()].slice(before);
      if (outcome.kind !== 'none') {
        for (const other of since) provisional.delete(other);
        if (outcome.kind === 'some' || own >= depth) known.set(goal, outcome);
      } else if (own >= depth) {
        for (const other of [goal, ...since]) {
          provisional.delete(other);
          known.set(other, none);
        }
      } else provisional.set(goal, own);
      assumed = Math.min(outer, own < depth ? own : Number.POSITIVE_INFINITY);
      return outcome;
    },
  };
}
