/**
 * MurmurHash2 of 32 bits with the seed of Kafka's Java client, so that keys meet the same partitions as those
 * of Java producers. Source of the algorithm: Austin Appleby's MurmurHash2 (public domain).
 */
export function murmur2(data: Uint8Array): number {
  const length = data.length;
  const m = 0x5bd1e995;
  let h = 0x9747b28c ^ length;
  const words = length & ~3;
  for (let i = 0; i < words; i += 4) {
    let k = Math.imul(
      byte(data, i) | (byte(data, i + 1) << 8) | (byte(data, i + 2) << 16) | (byte(data, i + 3) << 24),
      m,
    );
    k ^= k >>> 24;
    h = Math.imul(h, m) ^ Math.imul(k, m);
  }
  const left = length - words;
  if (left >= 3) h ^= byte(data, words + 2) << 16;
  if (left >= 2) h ^= byte(data, words + 1) << 8;
  if (left >= 1) h = Math.imul(h ^ byte(data, words), m);
  h ^= h >>> 13;
  h = Math.imul(h, m);
  h ^= h >>> 15;
  return h;
}

function byte(data: Uint8Array, at: number): number {
  return data[at] ?? 0;
}
