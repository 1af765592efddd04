import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../support/random.js';
import type { Pair, Stand } from './stand-parts.js';

/** What a nemesis may touch. */
export interface Target {
  readonly stand: Stand;
  readonly random: Random;
  /** Of `short` runs in CI, and of long ones. */
  readonly length: 'short' | 'long';
  readonly topic: string;
  /** To be called when the fault begins to be undone. */
  healing(): void;
  /** To be called before the topic is deleted. */
  deleting(): void;
  /** Makes the topic anew, after it was deleted. */
  recreate(): Promise<void>;
  /** Takes a plain follower away from its stream, until the returned function is called. */
  hold(): () => void;
}

export interface Nemesis {
  readonly name: string;
  readonly pairs: readonly Pair[];
  /** Not for CI. */
  readonly slow?: boolean;
  /** Lets retention remove events. */
  readonly retention?: boolean;
  /** Does it, and undoes it; resolves when everything is as before. */
  run(target: Target): Promise<void>;
}

/** Milliseconds that a fault lasts: in a short run the first, in a long one something between the others. */
export async function last({ length, random }: Target, short: number, from: number, to: number): Promise<void> {
  await sleep(length === 'short' ? short : random.between(from, to));
}
