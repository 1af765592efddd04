import { unwrapped } from '../cloud-events/unwrap.js';
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
    if (version === undefined) return foreignDelivery(partition, record);
    return {
      partition,
      record,
      kind: value === null ? 'none' : 'json',
      schemaVersion: version || undefined,
      bytes: beside + (key?.length ?? 0) + (value?.length ?? 0),
      wire: undefined,
      line: undefined,
    };
  });
}

/** A record that the bus did not write. A null value is a tombstone; an event in the structured mode that has no data is not, since its record has a value. */
function foreignDelivery(partition: number, stored: LogRecord): Delivery {
  const record = unwrapped(stored);
  return {
    partition,
    record,
    kind: stored.value === null ? 'tombstone' : kindOf(record.value),
    schemaVersion: undefined,
    bytes: recordBytes(record),
    wire: undefined,
    line: undefined,
  };
}

function kindOf(value: Uint8Array | null): Delivery['kind'] {
  if (value === null) return 'none';
  return isJsonPayload(value) ? 'json' : 'not_json';
}
