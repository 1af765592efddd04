import { InvalidArgumentError } from 'commander';
import type { Place, StartFrom } from '../client/index.js';

const durationUnits: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};
const sizeUnits: Record<string, number> = { '': 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };

/** An option's whole number within limits. */
export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const limits = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `${least} to ${most}`;
    throw new InvalidArgumentError(`It takes a whole number, ${limits}.`);
  };
}

/** A duration such as `90s`, `15m`, `1.5h`, `7d`, in milliseconds; `0` and `forever` are 0. */
export function durationMs(text: string): number {
  if (text === '0' || text === 'forever') return 0;
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text) ?? [];
  const value = Number(amount) * (durationUnits[unit ?? ''] ?? Number.NaN);
  if (Number.isFinite(value)) return Math.round(value);
  throw new InvalidArgumentError('It takes a duration such as 90s, 15m, 12h, 7d, or forever.');
}

/** A size such as `1048576`, `512KiB`, `1GiB`, in bytes. */
export function sizeBytes(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(B|KiB|MiB|GiB|TiB)?$/.exec(text) ?? [];
  const value = Math.round(Number(amount) * (sizeUnits[unit ?? ''] ?? Number.NaN));
  if (Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It takes a size in bytes, or one such as 512KiB, 10MiB, 1GiB.');
}

/** `earliest`, `latest`, a time (RFC 3339, or so long ago as in `-15m`), offsets by partition (`0:4711,1:12`), or else a cursor. */
export function startFrom(text: string, now = Date.now()): StartFrom {
  if (text === 'earliest' || text === 'latest') return text;
  if (/^-\d/.test(text)) {
    try {
      return { time: new Date(now - durationMs(text.slice(1))) };
    } catch {
      throw new InvalidArgumentError('A time before now looks like -15m, -12h or -7d.');
    }
  }
  if (/^\d{4}-\d\d-\d\d/.test(text)) {
    const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
    const time = new Date(text.replace(' ', 'T'));
    if (rfc3339.test(text) && !Number.isNaN(time.getTime())) return { time };
    throw new InvalidArgumentError('A time needs hours, minutes, seconds and a zone, as in 2026-01-31T09:30:00Z.');
  }
  if (/^\d+:\d/.test(text)) return { offsets: offsetsOf(text) };
  // No cursor is a number alone, or a word: they begin with a capital letter.
  if (/^(\d+|[a-z]{1,12})$/.test(text)) {
    throw new InvalidArgumentError(
      'It takes earliest (the first record that is left), latest (only what comes from now on), a time (2026-01-31T09:30:00Z, -15m), an offset (0:4711 for partition 0), or a cursor.',
    );
  }
  if (/^[A-Za-z0-9._~=-]+$/.test(text)) return { cursor: text };
  throw new InvalidArgumentError(
    'It takes earliest, latest, a time (2026-01-31T09:30:00Z, -15m), an offset (0:4711 for partition 0), or a cursor.',
  );
}

function offsetsOf(text: string): { readonly partition: number; readonly offset: bigint }[] {
  return text.split(',').map((each) => {
    const [, partition, offset] = /^(\d{1,10}):(\d{1,16})$/.exec(each) ?? [];
    if (partition !== undefined && offset !== undefined)
      return { partition: Number(partition), offset: BigInt(offset) };
    throw new InvalidArgumentError('Offsets look like 0:4711 or 0:4711,1:12 (partition:offset).');
  });
}

/** The same without offsets. */
export function placeIn(text: string): Place {
  const place = startFrom(text);
  if (typeof place === 'string' || !('offsets' in place)) return place;
  throw new InvalidArgumentError('Offsets are a start of a stream alone: give earliest, latest, a time, or a cursor.');
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toFixed(1))} ${units[unit]}`;
}

export function formatDuration(ms: number): string {
  if (ms === 0) return 'forever';
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = durationUnits[unit] ?? 1;
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
