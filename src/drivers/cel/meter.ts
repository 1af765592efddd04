/**
 * How much one evaluation may do: about as many steps as parts of the expression that are evaluated, elements that are looped over, and pieces of
 * long texts that are read. Nobody can interrupt an evaluation, so it counts by itself. 20,000 steps were measured to take 7 to 25 ms of a core once the code is
 * warm, and up to 40 ms where each of them fails; parsing the payload comes on top, once for each record.
 */
export const mostSteps = 20_000;

/** Evaluations never overlap, since none waits for anything: one counter does. */
let left = 0;

export function beginSteps(): void {
  left = mostSteps;
}

/** Counts steps before they are taken. Throws when there are none left, from then on at each call. */
export function takeSteps(count: number): void {
  left -= count;
  if (left < 0) throw new Error('the filter took too many steps');
}

export function areStepsUsedUp(): boolean {
  return left < 0;
}
