import { crc32 } from 'node:zlib';

/** Chooses records by their position alone: the same for everybody who asks, and a larger share holds a smaller one. */
export interface Sample {
  /** Of one partition of one life of a topic: whether an offset is chosen. */
  partition(incarnation: string, partition: number): (offset: number) => boolean;
}

/** @param share above 0 and up to 1 */
export function createSample(share: number): Sample {
  const threshold = share * 2 ** 32;
  return {
    partition(incarnation, partition) {
      const seed = crc32(`${incarnation}/${partition}`);
      return (offset) => mixed(mixed(seed ^ (offset / 2 ** 32)) ^ offset) < threshold;
    },
  };
}

/** The last steps of MurmurHash3: each bit of the input changes half of those of the result. */
function mixed(bits: number): number {
  let h = bits | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
