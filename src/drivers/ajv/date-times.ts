/** `full-date` of RFC 3339. */
const datePattern = /^(\d{4})-(\d\d)-(\d\d)$/;
/** `full-time` of RFC 3339: the offset has hours and minutes, or is Z. */
const timePattern = /^(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[zZ]|([+-])(\d\d):(\d\d))$/;
/** Where the date of a `date-time` ends: behind it is a T, as RFC 3339 has it, and no space. */
const dateCharacters = 10;
const minutesOfDay = 24 * 60;

/** `duration` of RFC 3339, appendix A: no unit is left out between two others. */
export const duration =
  /^P(?:(?:\d+D|\d+M(?:\d+D)?|\d+Y(?:\d+M(?:\d+D)?)?)(?:T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S))?|T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S)|\d+W)$/;

/** A UUID of RFC 9562, without `urn:uuid:`. */
export const uuid = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i;

export function isDate(text: string): boolean {
  return dateOf(text) !== undefined;
}

/** A second 60 is a leap second: it can only be at 23:59 UTC. */
export function isTime(text: string): boolean {
  return timeOf(text) !== undefined;
}

/** A second 60 is a leap second: it can only be at 23:59 UTC, on the last day of a month in UTC. */
export function isDateTime(text: string): boolean {
  const separator = text.charCodeAt(dateCharacters);
  if (separator !== 0x54 && separator !== 0x74) return false;
  const date = dateOf(text.slice(0, dateCharacters));
  const time = timeOf(text.slice(dateCharacters + 1));
  if (date === undefined || time === undefined) return false;
  if (time.second < 60) return true;
  const next = date.day + Math.floor(time.utcMinute / minutesOfDay) + 1;
  return next === 1 || next === daysIn(date.year, date.month) + 1;
}

interface DateParts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

function dateOf(text: string): DateParts | undefined {
  const found = datePattern.exec(text);
  if (found === null) return undefined;
  const [year = 0, month = 0, day = 0] = found.slice(1).map(Number);
  const isThere = month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
  return isThere ? { year, month, day } : undefined;
}

/** The second, and the minute of the day in UTC: below 0 or beyond the day where UTC has another date. */
function timeOf(text: string): { readonly second: number; readonly utcMinute: number } | undefined {
  const found = timePattern.exec(text);
  if (found === null) return undefined;
  const [hour, minute, second] = [Number(found[1]), Number(found[2]), Number(found[3])];
  const [offsetHour, offsetMinute] = [Number(found[5] ?? 0), Number(found[6] ?? 0)];
  if (hour > 23 || minute > 59 || second > 60 || offsetHour > 23 || offsetMinute > 59) return undefined;
  const offset = (offsetHour * 60 + offsetMinute) * (found[4] === '-' ? -1 : 1);
  const utcMinute = hour * 60 + minute - offset;
  const isLastMinute = (utcMinute + minutesOfDay) % minutesOfDay === minutesOfDay - 1;
  return second < 60 || isLastMinute ? { second, utcMinute } : undefined;
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}
