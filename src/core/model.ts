/** A header of a record. Names may repeat. */
export type Header = readonly [name: string, value: Uint8Array];

/** What is appended: an event in the log's terms. */
export interface AppendRecord {
  readonly key: Uint8Array | null;
  /** The payload; null only for tombstones written by other producers. */
  readonly value: Uint8Array | null;
  readonly headers: readonly Header[];
}

/**
 * What the log holds: an appended record and its position. Its arrays are never changed, but for memory that was lent to a read. Records may share
 * memory in pieces, which hold one record or about so much: 16 KiB in a tail, 64 KiB in a read, whose records are meant to be dropped together.
 */
export interface LogRecord extends AppendRecord {
  /** Below 2^53. */
  readonly offset: number;
  /** Milliseconds since 1970, when the log stored it. */
  readonly timestamp: number;
}

/** The bytes that a record weighs in buffers and limits. */
export function recordBytes(record: AppendRecord): number {
  let bytes = 64 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const [name, value] of record.headers) bytes += 16 + name.length + value.length;
  return bytes;
}
