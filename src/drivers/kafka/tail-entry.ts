import type { TopicRef } from '../../core/ports/topic-ref.js';

/** A partition that a tail follows. */
export interface TailEntry {
  readonly topic: string;
  /** The topic's id; undefined: whatever topic has that name. */
  readonly id: string | undefined;
  readonly partition: number;
  /** The offset to fetch next. */
  next: number;
  /** The leader epoch of what was read last; undefined: not known. */
  epoch: number | undefined;
  /** Its leader may have changed since: to be asked whether it has all that was read. */
  unverified: boolean;
  /** The high watermark that was told last. */
  reported: number | undefined;
  /** The first offset left that was told last. */
  earliest: number | undefined;
  /** The broker that leads it; undefined while that is to be found out. */
  node: number | undefined;
  /** Troubles in a row. */
  attempts: number;
  /** How often in a row the cluster said that there is no such topic. */
  missing: number;
  /** It got only the beginning of a batch, and so comes first in the next fetch. */
  starved: boolean;
  /** Its last records could not be decoded. */
  troubled: boolean;
  /** Not to be asked for before, by performance.now(): the clock of the machine may be set. */
  notBefore: number;
}

export function refOf({ topic, id }: TailEntry): TopicRef {
  return { name: topic, logId: id };
}
