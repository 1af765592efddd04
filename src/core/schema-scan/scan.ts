import type { Text } from './text.js';

/**
 * Reads the JSON value that begins at `at`, and says where it ends; `unknown` where it cannot tell whether the value is accepted. It never reads a value to
 * its end that is refused. `depth`: how many objects and arrays are open around the value.
 */
export type Scan = (text: Text, at: number, depth: number) => number;

export const unknown = -1;

/** For what is beyond a scan. */
export const dontKnow: Scan = () => unknown;
