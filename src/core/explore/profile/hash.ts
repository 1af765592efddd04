const numberBytes = new DataView(new ArrayBuffer(8));

/** A hash of 32 bits; values of different types differ. The steps are MurmurHash's, over UTF-16 code units. */
export function hashScalar(value: string | number | boolean): number {
  if (typeof value === 'boolean') return mix(value ? 0x2f : 0x1d);
  if (typeof value === 'number') {
    // 0 and -0 are the same number.
    numberBytes.setFloat64(0, value + 0);
    return mix(mix(numberBytes.getUint32(0) ^ 0x9e3779b9) ^ numberBytes.getUint32(4));
  }
  let hash = value.length;
  for (let i = 0; i < value.length; i++) {
    hash = Math.imul(hash ^ value.charCodeAt(i), 0x5bd1e995);
    hash ^= hash >>> 15;
  }
  return mix(hash);
}

function mix(start: number): number {
  let hash = start ^ (start >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
