import type { Buffer } from 'node:buffer';

/** The longest run of ones that a number begins with: what would need more is written in full. */
const longestRun = 24;
/** A safe integer has so many bits at most. */
const fullBits = 53;

/** Writes numbers bit by bit, the highest bit first. */
export class BitWriter {
  /** What has not made a byte yet: fewer than 8 bits. */
  #partial = 0;
  #filled = 0;

  constructor(readonly bytes: number[]) {}

  /** The lowest bits of a number, at most 53. */
  write(value: number, bits: number): void {
    if (bits <= 16) this.#short(value, bits);
    else {
      const high = Math.floor(value / 0x10000);
      this.write(high, bits - 16);
      this.#short(value - high * 0x10000, 16);
    }
  }

  #short(value: number, bits: number): void {
    let partial = (this.#partial << bits) | value;
    let filled = this.#filled + bits;
    while (filled >= 8) {
      filled -= 8;
      this.bytes.push((partial >>> filled) & 0xff);
      partial &= (1 << filled) - 1;
    }
    this.#partial = partial;
    this.#filled = filled;
  }

  /** A Rice code: the quotient by 2^k as a run of ones, then k bits. */
  writeRice(value: number, k: number): void {
    const size = powers[k] ?? 1;
    const quotient = Math.floor(value / size);
    if (quotient >= longestRun) {
      this.write(2 ** longestRun - 1, longestRun);
      this.write(value, fullBits);
      return;
    }
    this.write((powers[quotient + 1] ?? 1) - 2, quotient + 1);
    this.write(value - quotient * size, k);
  }

  /** Fills the last byte with zeros. */
  flush(): void {
    if (this.#filled > 0) this.#short(0, 8 - this.#filled);
  }
}

const powers = Array.from({ length: fullBits + 1 }, (_, k) => 2 ** k);

/** How many bits `writeRice` takes by k, for numbers of so many binary digits: near enough to choose k by. */
const riceCosts = powers.map((_, k) =>
  powers.map((_power, digits) => {
    const quotient = digits > k ? 0.75 * 2 ** (digits - k) : 0;
    return quotient >= longestRun ? longestRun + fullBits : 1 + k + quotient;
  }),
);

/** The k that makes a Rice code short, given how many numbers have so many binary digits. */
export function bestRice(byDigits: readonly number[]): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let k = 0; k < byDigits.length; k++) {
    const costs = riceCosts[k] ?? [];
    let cost = 0;
    for (let digits = 0; digits < byDigits.length; digits++) cost += (byDigits[digits] ?? 0) * (costs[digits] ?? 0);
    if (cost < least) [least, best] = [cost, k];
  }
  return best;
}

/** Reads what a BitWriter wrote; undefined where the bytes end too early. */
export class BitReader {
  #at: number;
  #bit = 0;

  constructor(
    readonly bytes: Buffer,
    start: number,
    readonly end: number,
  ) {
    this.#at = start;
  }

  /** The first byte that nothing was read of. */
  get next(): number {
    return this.#bit === 0 ? this.#at : this.#at + 1;
  }

  read(bits: number): number | undefined {
    let value = 0;
    for (let left = bits; left > 0; ) {
      if (this.#at >= this.end) return undefined;
      const take = Math.min(left, 8 - this.#bit);
      const part = ((this.bytes[this.#at] ?? 0) >> (8 - this.#bit - take)) & (2 ** take - 1);
      value = value * 2 ** take + part;
      left -= take;
      this.#bit += take;
      if (this.#bit === 8) {
        this.#bit = 0;
        this.#at++;
      }
    }
    return value;
  }

  readRice(k: number): number | undefined {
    let quotient = 0;
    for (;;) {
      const bit = this.read(1);
      if (bit === undefined) return undefined;
      if (bit === 0) break;
      if (++quotient === longestRun) return this.read(fullBits);
    }
    const rest = this.read(k);
    return rest === undefined ? undefined : quotient * 2 ** k + rest;
  }
}
