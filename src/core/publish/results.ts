import type { Seen } from '../dedupe/identity-index.js';
import type { BusError } from '../errors.js';
import type { EventResult } from './command.js';

/** The result of an event that was stored before. */
export function duplicate(
  partition: number,
  { offset, timestamp }: Seen,
  schemaVersion: number | undefined,
): EventResult {
  return { status: 'stored', partition, offset, timestamp, schemaVersion, duplicate: true };
}

/** The result of an event whose append has failed. */
export function failed(error: BusError): EventResult {
  return { status: error.reason === 'STORE_OUTCOME_UNKNOWN' ? 'unknown' : 'not_stored', error };
}
