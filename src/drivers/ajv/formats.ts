import type { Ajv } from 'ajv';
import ajvFormats, { type FormatName } from 'ajv-formats';

/** Formats whose check takes more than linear time: none of their real values is near this many characters. */
const bounded: readonly FormatName[] = ['email', 'url'];
const mostCharacters = 4_096;

/** Adds the formats of the drafts and of OpenAPI. Unknown formats are annotations. */
export function addFormats(ajv: Ajv): void {
  ajvFormats.default(ajv, { mode: 'full', keywords: false });
  for (const name of bounded) {
    const format = ajvFormats.default.get(name);
    if (!(format instanceof RegExp)) throw new Error(`the format ${name} is not a regular expression any more`);
    ajv.addFormat(name, (text: string) => text.length <= mostCharacters && format.test(text));
  }
}
