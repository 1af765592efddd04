import type { StreamPosition } from '../subscribe.js';
import type { EventBatch } from './api.js';
import type { Processed } from './commits.js';

/** A batch that the loop handles, and how far it has come in it. */
export interface BatchInHand extends EventBatch {
  /** How many of its events the loop has been given. */
  given: number;
  /** How many of them are processed: the loop has asked for the next one, or has committed. */
  processed: number;
}

export type Owner = Pick<Processed, 'generation' | 'assignment'>;

/** Names how far a consumer has come, also inside of a batch. */
export interface InHand {
  /** Everything before a cursor is processed. False if that is known already. */
  moveTo(cursor: string, owner: Owner): boolean;
  /** Everything before a cursor is committed. */
  committed(cursor: string): void;
  /**
   * The position after the first events of a batch; without a batch, after the last one that was processed. Undefined where there is nothing
   * to commit.
   */
  position(batch: BatchInHand | undefined, events: number, owner: Owner | undefined): Processed | undefined;
}

export function createInHand(): InHand {
  /** Where the last whole batch, heartbeat or gap has brought the stream. */
  let last: Processed | undefined;
  let committedCursor = '';

  /** The last whole position, as far as it is not committed. */
  function open(assignment: number): string {
    return last !== undefined && last.assignment === assignment && last.cursor !== committedCursor ? last.cursor : '';
  }

  return {
    moveTo(cursor, owner) {
      if (cursor === '' || cursor === last?.cursor) return false;
      last = { cursor, ...owner };
      return true;
    },
    committed(cursor) {
      if (cursor !== '') committedCursor = cursor;
    },
    position(batch, events, owner) {
      if (batch === undefined || owner === undefined) return last;
      if (events >= batch.events.length) return { cursor: batch.cursor, ...owner };
      const positions = positionsAfter(batch, events);
      const cursor = open(owner.assignment);
      return positions.length === 0 && cursor === '' ? undefined : { cursor, positions, ...owner };
    },
  };
}

/** In each partition the position after the first `count` events. Servers without incarnations take no positions. */
function positionsAfter({ incarnation, events }: EventBatch, count: number): StreamPosition[] {
  const byPartition = new Map<number, StreamPosition>();
  if (incarnation === '') return [];
  for (let i = 0; i < count; i++) {
    const event = events[i];
    if (event) byPartition.set(event.partition, event.next);
  }
  return [...byPartition.values()];
}
