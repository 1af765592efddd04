import { Buffer, isUtf8 } from 'node:buffer';
import { isBare, readHeaders } from '../../core/event-headers.js';
import type { Header } from '../../core/model.js';
import type { Delivery } from '../../core/subscribe/frames.js';
import { LineWriter } from './line-writer.js';

/** One for the process: nothing is kept in it beyond a call. */
const single = new LineWriter();

/** A record as one line of JSON, LF included: what `mainstem tail --output json` prints of it. */
export function recordLine(topic: string, delivery: Delivery): Buffer {
  writeRecordLine(single, topic, delivery);
  return single.take();
}

/**
 * Writes a record as one line: `topic`, `partition`, `offset`, `time`, `key` (or `keyBase64` where it is not UTF-8), what else the record has, and last
 * `data`, the payload's own bytes. A payload that is not JSON is `dataBase64`; a tombstone is `"tombstone":true`, an event without data `"noData":true`. Returns where
 * in the writer the payload of JSON begins, which ends two bytes before the line does; -1 where there is none.
 */
export function writeRecordLine(
  out: LineWriter,
  topic: string,
  { partition, record, kind, schemaVersion }: Delivery,
): number {
  const { offset, timestamp, key, value, headers } = record;
  let head = `${prefixOf(topic)}${partition},"offset":${offset},"time":"${timeText(timestamp)}"`;
  if (key !== null) head += bytesMember('key', key);
  if (schemaVersion !== undefined) head += `,"schemaVersion":${schemaVersion}`;
  if (!isBare(headers)) head += metadataMembers(headers);
  if (value === null) {
    out.text(`${head},"${kind === 'none' ? 'noData' : 'tombstone'}":true}\n`);
    return -1;
  }
  if (kind === 'not_json') {
    out.text(`${head},"dataBase64":"${view(value).toString('base64')}"}\n`);
    return -1;
  }
  out.text(`${head},"data":`);
  const data = out.length;
  out.json(value);
  out.text('}\n');
  return data;
}

let lastTopic: string | undefined;
let lastPrefix = '';

function prefixOf(topic: string): string {
  if (topic !== lastTopic) {
    lastTopic = topic;
    lastPrefix = `{"topic":${JSON.stringify(topic)},"partition":`;
  }
  return lastPrefix;
}

let lastTimestamp = Number.NaN;
let lastTime = '';

/** ISO 8601 with milliseconds; neighbouring records mostly share one. Empty for what no date can be, as foreign producers may write. */
function timeText(timestamp: number): string {
  if (timestamp !== lastTimestamp) {
    const date = new Date(timestamp);
    lastTime = Number.isNaN(date.getTime()) ? '' : date.toISOString();
    lastTimestamp = timestamp;
  }
  return lastTime;
}

function metadataMembers(recordHeaders: readonly Header[]): string {
  const { attributes, rest, redriven, ...metadata } = readHeaders(recordHeaders);
  let text = '';
  for (const name of ['id', 'source', 'type', 'subject'] as const) {
    if (metadata[name]) text += `,"${name}":${JSON.stringify(metadata[name])}`;
  }
  if (metadata.time) text += `,"eventTime":${JSON.stringify(metadata.time)}`;
  if (Object.keys(attributes).length > 0) text += `,"attributes":${JSON.stringify(attributes)}`;
  if (rest.length > 0) {
    const headers = rest.map(([name, value]) => `{"name":${JSON.stringify(name)}${bytesMember('value', value)}}`);
    text += `,"headers":[${headers.join(',')}]`;
  }
  if (redriven) {
    const { topic, partition, offset, reason, attempts } = redriven;
    text += `,"redriven":${JSON.stringify({ topic, partition, offset, reason, attempts })}`;
  }
  return text;
}

/** `,"name":"text"`, or `,"nameBase64":"…"` for bytes that are not UTF-8. */
function bytesMember(name: string, bytes: Uint8Array): string {
  if (!isUtf8(bytes)) return `,"${name}Base64":"${view(bytes).toString('base64')}"`;
  return `,"${name}":${JSON.stringify(view(bytes).toString())}`;
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
