/** After so much time with the filter a stream's use of it is judged. */
const judgedMs = 2_500;
/** What a filter may take on average, for each record and for each KiB of its payload, which has to be parsed. */
const recordMs = 1;
const kibibyteMs = 0.05;

/** How much processor time one stream's filter takes: a filter that is slow everywhere is told from one that has much to do. */
export interface Allowance {
  /** Counts records that took so much together. What is too much about it, in words, if it is. */
  take(ms: number, count: number, payloadBytes: number): string | undefined;
}

export function createAllowance(): Allowance {
  let used = 0;
  let allowed = 0;
  let records = 0;
  return {
    take(ms, count, payloadBytes) {
      used += ms;
      allowed += count * recordMs + (payloadBytes / 1024) * kibibyteMs;
      records += count;
      if (used < judgedMs) return undefined;
      const excess =
        used <= allowed
          ? undefined
          : `the filter took ${(used / 1000).toFixed(1)} s for its last ${records} records, ${(used / records).toFixed(2)} ms each; ${(allowed / records).toFixed(2)} ms each are allowed`;
      used = 0;
      allowed = 0;
      records = 0;
      return excess;
    },
  };
}
