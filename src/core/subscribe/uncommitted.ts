import type { Delivery } from './frames.js';

/** What a stream has sent and nobody has committed yet. Kept by frame, not by record: a stream holds no list of records. */
export interface Uncommitted {
  readonly records: number;
  readonly bytes: number;
  /** A frame was sent. `keyOf` names a partition. */
  sent(deliveries: readonly Delivery[], keyOf: (partition: number) => string): void;
  /** Everything before this offset of a partition is committed. */
  committed(key: string, next: number): void;
  /** The partitions that are still the stream's: the others are not its concern any more. */
  keep(isHeld: (key: string) => boolean): void;
}

interface Part {
  /** The offset after its last record. */
  readonly end: number;
  readonly records: number;
  readonly bytes: number;
}

export function createUncommitted(): Uncommitted {
  const parts = new Map<string, Part[]>();
  let records = 0;
  let bytes = 0;

  function remove(removed: readonly Part[]): void {
    for (const part of removed) {
      records -= part.records;
      bytes -= part.bytes;
    }
  }

  return {
    get records() {
      return records;
    },
    get bytes() {
      return bytes;
    },
    sent(deliveries, keyOf) {
      const inFrame = new Map<number, Part>();
      for (const { partition, record, bytes: size } of deliveries) {
        const before = inFrame.get(partition) ?? { end: 0, records: 0, bytes: 0 };
        inFrame.set(partition, { end: record.offset + 1, records: before.records + 1, bytes: before.bytes + size });
      }
      for (const [partition, part] of inFrame) {
        const key = keyOf(partition);
        const list = parts.get(key);
        if (list) list.push(part);
        else parts.set(key, [part]);
        records += part.records;
        bytes += part.bytes;
      }
    },
    committed(key, next) {
      const list = parts.get(key);
      if (!list) return;
      const open = list.findIndex(({ end }) => end > next);
      remove(list.splice(0, open < 0 ? list.length : open));
      if (list.length === 0) parts.delete(key);
    },
    keep(isHeld) {
      for (const [key, list] of parts) {
        if (isHeld(key)) continue;
        remove(list);
        parts.delete(key);
      }
    },
  };
}
