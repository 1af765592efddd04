// CRC-32C (Castagnoli), eight bytes a step ("slicing by 8"): Kafka's checksum over each batch that is produced.
const tables = makeTables();

function makeTables(): Uint32Array[] {
  const first = new Uint32Array(256);
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    first[n] = crc;
  }
  const all = [first];
  for (let k = 1; k < 8; k++) {
    const previous = all[k - 1] ?? first;
    all.push(previous.map((crc) => (crc >>> 8) ^ at(first, crc & 255)));
  }
  return all;
}

// A table's index is always below 256; the alternative is for the compiler only.
function at(table: Uint32Array, index: number): number {
  return table[index] ?? 0;
}

const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  // `makeTables` makes eight.
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
];

/** The checksum of `buffer` from `start` to `end`. */
export function crc32c(buffer: Buffer, start: number, end: number): number {
  let crc = 0xffffffff;
  let i = start;
  for (const last = end - 8; i <= last; i += 8) {
    const low = crc ^ buffer.readUInt32LE(i);
    const high = buffer.readUInt32LE(i + 4);
    crc =
      at(t7, low & 255) ^
      at(t6, (low >>> 8) & 255) ^
      at(t5, (low >>> 16) & 255) ^
      at(t4, low >>> 24) ^
      at(t3, high & 255) ^
      at(t2, (high >>> 8) & 255) ^
      at(t1, (high >>> 16) & 255) ^
      at(t0, high >>> 24);
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ at(t0, (crc ^ (buffer[i] ?? 0)) & 255);
  return (crc ^ 0xffffffff) >>> 0;
}
