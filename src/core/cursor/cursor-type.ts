/**
 * A place in one or several topics: for each partition it names, the offset of the next record. A cursor may cover only some
 * of a topic's partitions; one that it lacks was added later, and starts at its beginning.
 *
 * On the wire it is one opaque URL-safe string, the same everywhere: base64url of the format's number, the positions in that format, and a crc32.
 */
export type Cursor = readonly TopicCursor[];

export interface TopicCursor {
  readonly topic: string;
  readonly incarnation: string;
  readonly positions: readonly CursorPosition[];
}

/** The epoch is that of the log when the position was taken (`EventLog.divergence`); undefined where it is not known. */
export type CursorPosition = readonly [partition: number, nextOffset: number, epoch?: number | undefined];
