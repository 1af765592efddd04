import { offsetPath, readOffsetRecord } from '../offsets/records.js';
import type { Coordination } from '../ports/coordination.js';
import type { EventLog } from '../ports/event-log.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { ParkedState } from './fold.js';
import { keyIdOf } from './key-id.js';
import { readRedriven } from './records.js';

/** The keys of a subscriber whose events have to wait, by `keyIdOf`. */
export interface HeldKeys {
  /** An event of the key is parked: the lowest offset of them. */
  readonly parked: ReadonlyMap<string, number>;
  /** The parked events themselves, by the `keyOf` of where they came from. */
  readonly origins: ReadonlySet<string>;
  /** An event of the key was redriven, and the subscriber has not committed it yet. */
  readonly draining: ReadonlySet<string>;
}

export const noHeldKeys: HeldKeys = { parked: new Map(), origins: new Set(), draining: new Set() };

const readBytes = 1024 * 1024;

/** The keys of the records in the redrive topic that the subscriber has yet to commit. */
export async function drainingKeys(
  { coordination, log }: { readonly coordination: Coordination; readonly log: EventLog },
  subscriber: string,
  topic: ActiveTopic,
): Promise<ReadonlySet<string>> {
  const entry = await coordination.get(offsetPath(subscriber, topic.name, 0));
  const committed = entry && readOffsetRecord(entry.value);
  const keys = new Set<string>();
  for (let next = committed?.incarnation === topic.incarnation ? committed.next : 0; ; ) {
    const result = await log.read(topic, 0, next, readBytes);
    if (result.outcome !== 'ok') {
      if (result.outcome === 'ahead') return keys;
      next = result.earliest;
      continue;
    }
    for (const { key, headers } of result.records) {
      const origin = readRedriven(headers);
      if (key && origin) keys.add(keyIdOf(origin.topic, key));
    }
    if (result.nextOffset <= next || result.nextOffset >= result.highWatermark) return keys;
    next = result.nextOffset;
  }
}

export function parkedKeys({ entries }: ParkedState): ReadonlyMap<string, number> {
  const lowest = new Map<string, number>();
  for (const { keyId, offset } of entries.values()) {
    if (keyId !== undefined) lowest.set(keyId, Math.min(offset, lowest.get(keyId) ?? offset));
  }
  return lowest;
}
