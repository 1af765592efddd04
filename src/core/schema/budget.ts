/** How much reasoning one comparison may take. */
export interface Budget {
  /** Counts reasoning; throws Undecided when there is no more. */
  spend(steps: number): void;
  readonly spent: number;
}

/** The reasoning cannot go on. */
export class Undecided extends Error {
  override readonly name = 'Undecided';
  constructor(
    /** The keyword that stopped it, or `budget`. */
    readonly keyword: string,
  ) {
    super(`undecided because of ${keyword}`);
  }
}

/** Milliseconds after which a comparison ends whatever its steps: a safety net, far beyond what the steps take on a machine that is busy. */
const mostMilliseconds = 120_000;
const stepsBetweenLooks = 4_096;

/** @param most reasoning steps: the same comparison always takes the same number of them. */
export function createBudget(most: number): Budget {
  let spent = 0;
  let nextLook = stepsBetweenLooks;
  const started = performance.now();
  return {
    spend(steps) {
      spent += steps;
      if (spent > most) throw new Undecided('budget');
      if (spent < nextLook) return;
      nextLook = spent + stepsBetweenLooks;
      if (performance.now() - started > mostMilliseconds) throw new Undecided('budget');
    },
    get spent() {
      return spent;
    },
  };
}
