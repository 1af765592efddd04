import { eventName, lifeOf } from './event-index.js';
import type { History, Publish, SeenRecord } from './history.js';
import type { Report } from './violation.js';

/** Nothing acknowledged is lost, nothing is there that should not be, and the order of acknowledged events is kept. */
export function checkPublishes(history: History, report: Report): void {
  const published = new Map(history.publishes.map((publish) => [eventName(publish), publish]));
  checkPhantoms(history, published, report);
  checkLost(history, report);
  checkOrder(history, report);
  for (const { reason, producer, sequence, status } of history.publishes) {
    if (status !== 'ok' && untyped.has(reason))
      report('failure', `publish ${producer}:${sequence} failed with ${reason}`);
  }
}

/** What tells a caller nothing that it could act on. */
export const untyped: ReadonlySet<string> = new Set(['INTERNAL', 'UNKNOWN', 'UNANSWERED', '']);

function checkPhantoms(history: History, published: ReadonlyMap<string, Publish>, report: Report): void {
  const told = new Set<string>();
  const check = (record: SeenRecord, where: string) => {
    const name = eventName(record);
    const publish = published.get(name);
    if (publish !== undefined && publish.status !== 'failed') return;
    if (told.has(name)) return;
    told.add(name);
    const why = publish === undefined ? 'was never published' : `was answered with ${publish.reason}`;
    report('phantom', `${name}, at ${record.partition}/${record.offset} in ${where}, ${why}`);
  };
  for (const record of history.final?.records ?? []) check(record, 'the full read');
  for (const { frames, reader } of history.streams) {
    for (const { records = [] } of frames) for (const record of records) check(record, `a stream of ${reader}`);
  }
}

function checkLost(history: History, report: Report): void {
  const { final } = history;
  if (final === undefined) return;
  const present = new Set(final.records.map(eventName));
  final.partitions.forEach(({ earliest }, partition) => {
    if (earliest > 0 && !history.retention)
      report('lost', `partition ${partition} begins at ${earliest}, without any retention`);
  });
  for (const publish of history.publishes) {
    if (publish.status !== 'ok') continue;
    if (lifeOf(history, publish.startedAt, publish.endedAt) !== final.incarnation) continue;
    if (publish.offset < (final.partitions[publish.partition]?.earliest ?? 0)) continue;
    const name = eventName(publish);
    if (!present.has(name)) report('lost', `${name}, acknowledged at ${publish.partition}/${publish.offset}`);
  }
}

function checkOrder(history: History, report: Report): void {
  const last = new Map<string, Publish>();
  for (const publish of [...history.publishes].sort((a, b) => a.sequence - b.sequence)) {
    const life = publish.status === 'ok' ? lifeOf(history, publish.startedAt, publish.endedAt) : undefined;
    if (life === undefined) continue;
    const name = `${life} ${publish.producer} ${publish.key}`;
    const before = last.get(name);
    last.set(name, publish);
    if (before === undefined) continue;
    if (before.partition !== publish.partition) {
      report('order', `key ${publish.key} is in partitions ${before.partition} and ${publish.partition}`);
    } else if (before.offset >= publish.offset) {
      report(
        'order',
        `${eventName(before)} is at ${before.offset}, and ${eventName(publish)} behind it at ${publish.offset}`,
      );
    }
  }
}
