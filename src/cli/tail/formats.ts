import type { Format } from './format.js';
import { writeData } from './format-data.js';
import { jsonFormat } from './format-json.js';
import { prettyFormat } from './format-pretty.js';

export interface FormatOptions {
  readonly output: 'pretty' | 'json';
  readonly dataOnly: boolean;
  readonly color: boolean;
}

export function chooseFormat(options: FormatOptions): Format {
  if (options.dataOnly) return writeData;
  return options.output === 'json' ? jsonFormat() : prettyFormat(options.color);
}
