const durations: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizes: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
  kB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
};

/** Milliseconds from a number, or from `7d`, `12h`, `15m`, `30s`, `500ms`. Undefined where it is neither. */
export function parseDuration(value: unknown): number | undefined {
  return parseUnit(value, durations);
}

/** Bytes from a number, or from `512KiB`, `1MiB`, `2GB`. Undefined where it is neither. */
export function parseBytes(value: unknown): number | undefined {
  return parseUnit(value, sizes);
}

function parseUnit(value: unknown, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const [, digits, unit] = /^(\d{1,16}(?:\.\d{1,6})?) ?([A-Za-z]*)$/.exec(value.trim()) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const factor = unit === '' ? 1 : Object.hasOwn(units, unit) ? units[unit] : undefined;
  const result = factor === undefined ? Number.NaN : Number(digits) * factor;
  return Number.isSafeInteger(result) ? result : undefined;
}
