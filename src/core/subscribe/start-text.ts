import { parseDuration } from '../duration-text.js';
import { BusError } from '../errors.js';
import type { StartFrom } from './frames.js';

const timeForm = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;

/**
 * A place in a topic as people write it: `earliest`, `latest`, a time (RFC 3339), so long ago (`-15m`; ms, s, m, h, d, w), offsets by partition
 * (`0:4711`, or `0:4711,1:12`), or else a cursor, which is
 * looked into later. Times are rounded up to milliseconds, so that nothing older is asked for; one before 1970 is before every record.
 *
 * @param now milliseconds since 1970
 * @throws INVALID_REQUEST: what it takes; the caller says in which parameter
 */
export function parseStart(text: string, now: number): StartFrom {
  if (text === 'earliest' || text === 'latest') return { at: text };
  if (/^-\d/.test(text)) return { at: 'time', timestamp: Math.max(0, now - durationOf(text)) };
  if (/^\d{4}-\d\d-\d\d/.test(text)) return { at: 'time', timestamp: timeOf(text) };
  if (/^\d+:\d/.test(text)) return { at: 'offsets', offsets: offsetsOf(text) };
  const meant = meantBy(text);
  if (meant !== undefined) throw invalid(text, `is no place in a topic: ${meant}`);
  if (/^[A-Za-z0-9_-]+$/.test(text)) return { at: 'cursor', cursor: text };
  throw invalid(
    text,
    'is no place in a topic: it takes earliest, latest, a time (2026-01-31T09:30:00Z, -15m), an offset (0:4711 for partition 0), or a cursor',
  );
}

function offsetsOf(text: string): Map<number, number> {
  const offsets = new Map<number, number>();
  for (const each of text.split(',')) {
    const [, partition, offset] = /^(\d{1,10}):(\d{1,16})$/.exec(each) ?? [];
    if (partition === undefined || !Number.isSafeInteger(Number(offset))) {
      throw invalid(text, 'is no list of offsets, which looks like 0:4711 or 0:4711,1:12 (partition:offset)');
    }
    if (offsets.has(Number(partition))) throw invalid(text, `names partition ${Number(partition)} twice`);
    offsets.set(Number(partition), Number(offset));
  }
  return offsets;
}

const start = /^(beginning|begin|start|first|oldest|smallest|all)$/i;
const end = /^(now|end|last|newest|largest|head|tail|live)$/i;

/** What to write in place of a word or a number that other systems take; undefined where the text may be a cursor. */
function meantBy(text: string): string | undefined {
  if (start.test(text) || /^earliest$/i.test(text)) return 'the first record that is left is earliest';
  if (end.test(text) || /^latest$/i.test(text)) return 'the end, and so only what is published from now on, is latest';
  if (!/^\d+$/.test(text)) return undefined;
  if (text.length < 9)
    return 'a number alone names none: the first record that is left is earliest, offset 4711 of partition 0 is 0:4711';
  return 'a time is no number: it is written as 2026-01-31T09:30:00Z, or as -15m';
}

function durationOf(text: string): number {
  const ms = parseDuration(text.slice(1));
  if (ms !== undefined) return ms;
  throw invalid(text, 'is no time before now, which looks like -15m, -12h or -7d');
}

function timeOf(text: string): number {
  const parts = timeForm.exec(text.toUpperCase());
  const ms = parts ? epochMs(parts) : Number.NaN;
  if (!Number.isNaN(ms)) return Math.max(0, ms);
  // A query's + is a space by the time it comes here.
  const hint = / \d\d:\d\d$/.test(text) ? ' (in a URL, + is written %2B)' : '';
  throw invalid(
    text,
    `is no time: it needs a day that exists, hours, minutes, seconds and a zone, as in 2026-01-31T09:30:00Z${hint}`,
  );
}

/** Milliseconds since 1970, rounded up; NaN for what no calendar and no clock shows. */
function epochMs([, ...parts]: readonly string[]): number {
  const [year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = parts.slice(0, 6).map(Number);
  const [fraction = '', zone = 'Z'] = parts.slice(6);
  const [zoneHours = 0, zoneMinutes = 0] = zone === 'Z' ? [] : zone.slice(1).split(':').map(Number);
  const isTime = hours < 24 && minutes < 60 && seconds < 60 && zoneHours < 24 && zoneMinutes < 60;
  if (!isTime || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return Number.NaN;
  const offset = (zoneHours * 60 + zoneMinutes) * (zone.startsWith('-') ? -1 : 1);
  const wholeMinutes = (daysBefore(year, month) + day - 1) * 1440 + hours * 60 + minutes - offset;
  const thousandths = Number(fraction.slice(0, 3).padEnd(3, '0')) + (/[1-9]/.test(fraction.slice(3)) ? 1 : 0);
  return wholeMinutes * 60_000 + seconds * 1000 + thousandths;
}

function daysIn(year: number, month: number): number {
  return month === 12 ? 31 : daysBefore(year, month + 1) - daysBefore(year, month);
}

/** From 1970 to the first day of a month: counted in years that begin with March, so that a leap day comes last. */
function daysBefore(year: number, month: number): number {
  const y = month > 2 ? year : year - 1;
  const monthsSinceMarch = (month + 9) % 12;
  const leapDays = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  return y * 365 + leapDays + Math.floor((153 * monthsSinceMarch + 2) / 5) - 719_468;
}

function invalid(text: string, what: string): BusError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return new BusError('INVALID_REQUEST', `${JSON.stringify(shown)} ${what}`);
}
