import type { Identity } from '../dedupe/identity.js';
import type { Seen } from '../dedupe/identity-index.js';
import type { PartitionWindow } from '../dedupe/partition-window.js';
import { createSegment } from '../dedupe/segment.js';
import { type DedupeWindows, shortWindowText } from '../dedupe/windows.js';
import { BusError } from '../errors.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { PublishCommand } from './command.js';
import { keylessWarning, type Prepared, preparation } from './prepare.js';

/** A call whose events were checked against one snapshot of their topic: it may be queued as soon as its windows are ready. */
export interface Checked {
  readonly topic: ActiveTopic;
  readonly command: PublishCommand;
  readonly schemaVersion: number | undefined;
  /** What a publisher who uses this version should know. */
  readonly warning: string | undefined;
  /** One for each event: the record, or why it is refused. */
  readonly events: readonly (Prepared | BusError)[];
  /** Those of them that are refused. */
  readonly refused: readonly BusError[];
  /** Of the records together. */
  readonly bytes: number;
  /** By partition, of those to which events with an identity go. */
  readonly windows: ReadonlyMap<number, PartitionWindow>;
}

/** @param anyPartition where events go that have neither a key nor an identity */
export function checkEvents(
  topic: ActiveTopic,
  command: PublishCommand,
  windows: DedupeWindows,
  anyPartition: number,
): Checked {
  const { prepare, schemaVersion, warning } = preparation(topic, command, anyPartition);
  const found = new Map<number, PartitionWindow>();
  const refused: BusError[] = [];
  let bytes = 0;
  const events = command.events.map((event, index) => {
    const prepared = prepare(event, index);
    if (prepared instanceof BusError) {
      refused.push(prepared);
      return prepared;
    }
    bytes += prepared.bytes;
    if (prepared.identity && !found.has(prepared.partition)) {
      const window = windows.of(topic, prepared.partition);
      if (window) found.set(prepared.partition, window);
    }
    return prepared;
  });
  return { topic, command, schemaVersion, warning, events, refused, bytes, windows: found };
}

export function isReady({ windows }: Checked): boolean {
  for (const window of windows.values()) if (!window.isReady) return false;
  return true;
}

/** What the publisher should know although all may go well. */
export function warningsOf({ topic, warning, events, windows }: Checked, all: DedupeWindows): string[] {
  const warnings = [warning, keylessWarning(topic, events)].filter((each) => each !== undefined);
  for (const partition of windows.keys()) {
    const short = shortWindowWarning(topic, partition, all);
    if (short !== undefined) warnings.push(short);
  }
  return warnings;
}

/** What the publisher of an event with an identity should know of its partition's window. */
export function shortWindowWarning(topic: ActiveTopic, partition: number, all: DedupeWindows): string | undefined {
  const cut = all.cut(topic.name, partition);
  return cut && shortWindowText(topic.name, partition, cut);
}

/**
 * Judges the events of one call by their identities, in their order: where one was stored before, or why it cannot be, as far as is known before it is
 * queued. Also against those before them in the call.
 */
export function judge({ windows, events }: Checked): (event: number) => Seen | BusError | undefined {
  if (windows.size === 0) return () => undefined;
  /** Of the call itself; one event has nothing beside it. */
  const own = events.length > 1 ? createSegment(2 ** Math.ceil(Math.log2(events.length))) : undefined;

  function reusedInCall(event: number, identity: Identity, partition: number): BusError | undefined {
    if (!own) return undefined;
    const place = own.find(identity);
    if (place < 0) {
      own.add(identity, event, 0);
      return undefined;
    }
    const before = own.offset(place);
    const other = events[before];
    // With another key it is in another partition, and another event.
    const isSame =
      !other || other instanceof BusError || other.partition !== partition || own.hasPayload(place, identity);
    return isSame
      ? undefined
      : idReused(event, `event ${before} of this call has the same identity and another payload`);
  }

  return (event) => {
    const prepared = events[event];
    if (!prepared || prepared instanceof BusError || !prepared.identity) return undefined;
    const { identity, partition } = prepared;
    const first = windows.get(partition)?.find(identity);
    if (first) return first.same ? first : reusedError(event, partition, first, undefined);
    return reusedInCall(event, identity, partition);
  };
}

/** EVENT_ID_REUSED. @param first undefined: the other event is not stored yet @param lostAt where the record was written all the same */
export function reusedError(
  event: number,
  partition: number,
  first: Seen | undefined,
  lostAt: number | undefined,
): BusError {
  const where = first ? `at offset ${first.offset} of partition ${partition}` : 'which is being stored';
  const lost = lostAt === undefined ? '' : `; a record with this payload was written at offset ${lostAt}, and lost`;
  return idReused(
    event,
    `another event has the same identity and another payload, ${where}${lost}: give another event another id`,
    first && { partition: String(partition), offset: String(first.offset) },
  );
}

function idReused(event: number, message: string, place: Readonly<Record<string, string>> = {}): BusError {
  return new BusError('EVENT_ID_REUSED', `event ${event}: ${message}`, {
    violations: [{ event, pointer: '', rule: 'identity', message }],
    metadata: { ...place, violations_total: '1' },
  });
}
