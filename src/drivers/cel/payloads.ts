import type { CelInput } from '@bufbuild/cel';
import type { LogRecord } from '../../core/model.js';
import { parsePayload } from '../../core/publish/payload.js';
import { toCelInput } from './values.js';

/** How many payloads are kept in parsed form, and how many bytes of JSON together: in memory they take several times as much. */
const mostKept = 5_000;
const mostBytes = 2 * 1024 * 1024;

/** Live streams ask for the same records, one stream after the other: the last ones are parsed once for all of them. */
const kept = new Map<LogRecord, CelInput>();
let keptBytes = 0;

/** The payload of a record of JSON. Throws where it is none. */
export function parsedPayload(record: LogRecord): CelInput {
  const known = kept.get(record);
  if (known !== undefined) return known;
  const { value } = record;
  const parsed = value && parsePayload(value);
  if (!parsed || !('document' in parsed)) throw new Error('the payload is not JSON');
  const payload = toCelInput(parsed.document);
  kept.set(record, payload);
  keptBytes += value.length;
  for (const oldest of kept.keys()) {
    if (kept.size <= mostKept && keptBytes <= mostBytes) break;
    kept.delete(oldest);
    keptBytes -= oldest.value?.length ?? 0;
  }
  return payload;
}
