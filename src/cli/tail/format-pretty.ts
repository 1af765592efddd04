import { isUtf8 } from 'node:buffer';
import pc from 'picocolors';
import { PayloadKind, type StreamRecord } from '../../client/index.js';
import { safeText } from '../safe-text.js';
import type { Format } from './format.js';
import { timeFormatter } from './record-time.js';

/** For people: time, partition and offset, key, payload on one line; nothing of it can drive the terminal. */
export function prettyFormat(color: boolean): Format {
  const { dim, cyan, green, yellow } = pc.createColors(color);
  const timeText = timeFormatter();
  return (out, _topic, record) => {
    const key = record.key === undefined ? '' : ` ${green(safeText(keyText(record.key)))}`;
    const position = cyan(`${record.partition ?? 0}:${record.offset ?? 0n}`);
    out.text(`${dim(timeText(record.time))} ${position}${key} ${payload(record, yellow)}\n`);
  };
}

function payload(record: StreamRecord, mark: (text: string) => string): string {
  if (record.kind === PayloadKind.TOMBSTONE) return mark('(tombstone)');
  if (record.kind === PayloadKind.NONE) return mark('(no data)');
  const bytes = Buffer.from(record.jsonBytes.buffer, record.jsonBytes.byteOffset, record.jsonBytes.byteLength);
  if (record.kind !== PayloadKind.NOT_JSON) return safeText(bytes.toString('utf8').replace(/[\r\n]+\s*/g, ' '));
  const preview = isUtf8(bytes) ? safeText(bytes.toString('utf8')) : bytes.toString('base64');
  return `${mark(`(not JSON, ${bytes.length} bytes)`)} ${preview}`;
}

function keyText(key: Uint8Array): string {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  return isUtf8(bytes) ? bytes.toString('utf8') : `base64:${bytes.toString('base64')}`;
}
