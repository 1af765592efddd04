import { PayloadKind, type StreamRecord } from '../../client/index.js';
import type { ByteWriter } from './byte-writer.js';

/**
 * The payload's bytes and LF. A raw LF or CR inside of JSON text becomes a space, so that each line is one record; payloads that are not
 * JSON come as they are; tombstones and events without data have no payload, and no line.
 */
export function writeData(out: ByteWriter, _topic: string, record: StreamRecord): void {
  if (record.kind === PayloadKind.TOMBSTONE || record.kind === PayloadKind.NONE) return;
  if (record.kind === PayloadKind.NOT_JSON) out.bytes(record.jsonBytes);
  else out.jsonBytes(record.jsonBytes);
  out.newline();
}
