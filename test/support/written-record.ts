import type { AppendRecord } from '../../src/core/model.js';

export const writerTopic = 'written';
export const WRITER_PARTITIONS = 3;

/** What the writer process stores at an offset: sizes from nothing to several pages, every byte foreseeable. */
export function writtenRecord(partition: number, offset: number): AppendRecord {
  const value = Buffer.alloc((offset * 37) % 9_000, `${partition}:${offset};`);
  return { key: Buffer.from(`${offset}`), value, headers: [['at', Buffer.from(`${partition}/${offset}`)]] };
}
