import { isUtf8 } from 'node:buffer';
import { PayloadKind, type StreamRecord } from '../../client/index.js';
import type { Format } from './format.js';
import { timeFormatter } from './record-time.js';

/**
 * One JSON object per record and line: `topic`, `partition`, `offset`, `time`, `key` (or `keyBase64` where it is not UTF-8), what else the record has,
 * and last `data`, the payload's own bytes. A payload that is not JSON is `dataBase64`; a tombstone is `"tombstone":true`, an event without data `"noData":true`.
 */
export function jsonFormat(): Format {
  const timeText = timeFormatter();
  let lastTopic = '';
  let prefix = '';
  return (out, topic, record) => {
    if (topic !== lastTopic || prefix === '') {
      lastTopic = topic;
      prefix = `{"topic":${JSON.stringify(topic)},"partition":`;
    }
    const head = `${prefix}${record.partition ?? 0},"offset":${record.offset ?? 0n},"time":"${timeText(record.time)}"`;
    out.text(head + member('key', record.key) + extras(record));
    if (record.kind === PayloadKind.TOMBSTONE) {
      out.text(',"tombstone":true}\n');
    } else if (record.kind === PayloadKind.NONE) {
      out.text(',"noData":true}\n');
    } else if (record.kind === PayloadKind.NOT_JSON) {
      out.text(`,"dataBase64":"${base64(record.jsonBytes)}"}\n`);
    } else {
      out.text(',"data":');
      out.jsonBytes(record.jsonBytes);
      out.text('}\n');
    }
  };
}

function extras(record: StreamRecord): string {
  let text = '';
  if (record.schemaVersion !== undefined) text += `,"schemaVersion":${record.schemaVersion}`;
  if (record.id !== '') text += `,"id":${JSON.stringify(record.id)}`;
  if (record.source !== '') text += `,"source":${JSON.stringify(record.source)}`;
  if (record.type !== '') text += `,"type":${JSON.stringify(record.type)}`;
  if (record.subject !== '') text += `,"subject":${JSON.stringify(record.subject)}`;
  if (record.eventTime !== '') text += `,"eventTime":${JSON.stringify(record.eventTime)}`;
  for (const _name in record.attributes) {
    text += `,"attributes":${JSON.stringify(record.attributes)}`;
    break;
  }
  if (record.headers.length > 0) {
    const headers = record.headers.map(
      ({ name, value }) => `{"name":${JSON.stringify(name)}${member('value', value)}}`,
    );
    text += `,"headers":[${headers.join(',')}]`;
  }
  if (record.redriven !== undefined) {
    const { topic, partition = 0, offset = 0n, reason, attempts } = record.redriven;
    text += `,"redriven":${JSON.stringify({ topic, partition, offset: Number(offset), reason, attempts })}`;
  }
  return text;
}

/** `,"name":"text"`, or `,"nameBase64":"…"` for bytes that are not UTF-8; nothing where there are none. */
function member(name: string, bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return '';
  if (!isUtf8(bytes)) return `,"${name}Base64":"${base64(bytes)}"`;
  return `,"${name}":${JSON.stringify(view(bytes).toString('utf8'))}`;
}

function base64(bytes: Uint8Array): string {
  return view(bytes).toString('base64');
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
