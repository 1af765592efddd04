import { readSchemaVersion } from '../event-headers.js';
import { type LogRecord, recordBytes } from '../model.js';
import { parsePayload } from '../publish/payload.js';
import type { Delivery } from './frames.js';

/** Makes a record ready for streams, once per process. Only records of other producers have to be looked into. */
export function toDelivery(partition: number, record: LogRecord): Delivery {
  const version = readSchemaVersion(record.headers);
  return {
    partition,
    record,
    kind: kindOf(record, version),
    schemaVersion: version || undefined,
    bytes: recordBytes(record),
  };
}

function kindOf({ value }: LogRecord, version: number | undefined): Delivery['kind'] {
  if (value === null) return 'tombstone';
  if (version !== undefined) return 'json';
  return 'document' in parsePayload(value) ? 'json' : 'not_json';
}
