import { randomUUID } from 'node:crypto';
import type { AppendRecord, Header, LogRecord } from '../../src/core/model.js';
import type { EventLog, LogTopicSettings } from '../../src/core/ports/event-log.js';

/** A topic name that no other test has. */
export const freshTopic = (): string => `contract-${randomUUID()}`;

/** A record of texts, without key or headers unless given. */
export const record = (
  value: string | null,
  key: string | null = null,
  headers: readonly Header[] = [],
): AppendRecord => ({
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  headers,
});

export const textOf = (entry: AppendRecord): string | null =>
  entry.value === null ? null : Buffer.from(entry.value).toString();

/** Keeps everything, unless the settings say otherwise. */
export const keepAll = (settings: Partial<LogTopicSettings> = {}): LogTopicSettings => ({
  partitions: 1,
  retentionMs: 0,
  retentionBytes: 0,
  maxEventBytes: 1024 * 1024,
  ...settings,
});

/** Everything from an offset to the high watermark, by bounded reads. */
export async function readAll(
  log: EventLog,
  topic: string,
  partition: number,
  from = 0,
  maxBytes = 64 * 1024,
): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (let at = from; ; ) {
    const slice = await log.read(topic, partition, at, maxBytes);
    if (slice.outcome !== 'ok') throw new Error(`read at ${at}: ${slice.outcome}`);
    records.push(...slice.records);
    if (slice.nextOffset >= slice.highWatermark) return records;
    if (slice.nextOffset <= at) throw new Error(`a read at ${at} did not advance`);
    at = slice.nextOffset;
  }
}
