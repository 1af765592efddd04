import { Buffer } from 'node:buffer';
import { murmur2 } from './murmur2.js';

/** The partition of a key, as Kafka's Java client chooses it. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return partitions === 1 ? 0 : (murmur2(key) & 0x7fffffff) % partitions;
}

/** What places an event without a key but with an id, so that a retry meets its original: source NUL id. */
export function identityOf(source: string | undefined, id: string): Uint8Array {
  return Buffer.from(`${source ?? ''}\0${id}`);
}

/** Where events with neither go: to one partition per call, or for calls of one event that come together, so that they share a batch; then to the next one. */
export function rotation(): (partitions: number) => number {
  let turn = 0;
  return (partitions) => {
    turn = (turn + 1) | 0;
    return (turn & 0x7fffffff) % partitions;
  };
}
