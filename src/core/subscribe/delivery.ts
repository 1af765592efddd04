import { readSchemaVersion } from '../event-headers.js';
import { type LogRecord, recordBytes } from '../model.js';
import { isJsonPayload } from '../publish/payload.js';
import type { Delivery } from './frames.js';

/** Makes records ready for streams, once per process. Only records of other producers have to be looked into. */
export function toDeliveries(partition: number, records: readonly LogRecord[]): Delivery[] {
  let headers: LogRecord['headers'] | undefined;
  let version: number | undefined;
  let beside = 0;
  return records.map((record) => {
    const { key, value } = record;
    // A driver hands out the same headers again where they do not change from one record to the next.
    if (record.headers !== headers) {
      headers = record.headers;
      version = readSchemaVersion(headers);
      beside = recordBytes({ key: null, value: null, headers });
    }
    return {
      partition,
      record,
      kind: kindOf(record, version),
      schemaVersion: version || undefined,
      bytes: beside + (key?.length ?? 0) + (value?.length ?? 0),
      wire: undefined,
      line: undefined,
    };
  });
}

function kindOf({ value }: LogRecord, version: number | undefined): Delivery['kind'] {
  if (value === null) return 'tombstone';
  if (version !== undefined) return 'json';
  return isJsonPayload(value) ? 'json' : 'not_json';
}
