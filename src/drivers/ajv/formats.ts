import type { Ajv } from 'ajv';
import ajvFormats, { type FormatName } from 'ajv-formats';
import { compareNumbers, isInteger, type JsonNumber, numberOf } from '../../core/numbers/exact-number.js';
import { duration, isDate, isDateTime, isTime, uuid } from './date-times.js';
import type { StandIns } from './stand-ins.js';

/** Formats whose check takes more than linear time: none of their real values is near this many characters. */
const bounded: readonly FormatName[] = ['email', 'url'];
const mostCharacters = 4_096;

/** The integers of so many bits. */
const ranges: Readonly<Record<'int32' | 'int64', readonly [least: JsonNumber, most: JsonNumber]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [numberOf('-9223372036854775808'), numberOf('9223372036854775807')],
};

/** Formats that the library takes too much for: `+0530` and `+05` as offsets, a space for the T, `23:60:00+00:01`, durations with holes. */
const exact: Readonly<Record<string, RegExp | ((text: string) => boolean)>> = {
  date: isDate,
  time: isTime,
  'date-time': isDateTime,
  duration,
  uuid,
};

/** Adds the formats of the drafts and of OpenAPI. Unknown formats are annotations. */
export function addFormats(ajv: Ajv, standIns: StandIns): void {
  ajvFormats.default(ajv, { mode: 'full', keywords: false });
  for (const name of bounded) {
    const format = ajvFormats.default.get(name);
    if (!(format instanceof RegExp)) throw new Error(`the format ${name} is not a regular expression any more`);
    ajv.addFormat(name, (text: string) => text.length <= mostCharacters && format.test(text));
  }
  for (const [name, format] of Object.entries(exact)) ajv.addFormat(name, format);
  for (const [name, [least, most]] of Object.entries(ranges)) {
    const validate = (double: number) => {
      const value = standIns.numberOf(double);
      return isInteger(value) && compareNumbers(value, least) >= 0 && compareNumbers(value, most) <= 0;
    };
    ajv.addFormat(name, { type: 'number', validate });
  }
}
