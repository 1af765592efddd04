import type { StreamRecord } from '../../client/index.js';
import type { ByteWriter } from './byte-writer.js';
import { writeData } from './format-data.js';
import { jsonFormat } from './format-json.js';
import { prettyFormat } from './format-pretty.js';

/** Writes one record, with its line end. */
export type Format = (out: ByteWriter, topic: string, record: StreamRecord) => void;

export interface FormatOptions {
  readonly output: 'pretty' | 'json';
  readonly dataOnly: boolean;
  readonly color: boolean;
}

export function chooseFormat(options: FormatOptions): Format {
  if (options.dataOnly) return writeData;
  return options.output === 'json' ? jsonFormat() : prettyFormat(options.color);
}
