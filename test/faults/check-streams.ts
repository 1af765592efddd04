import type { TopicCursor } from '../../src/core/cursor.js';
import { untyped } from './check-publishes.js';
import type { EventIndex } from './event-index.js';
import type { History, Seen, Stream } from './history.js';
import type { Report } from './violation.js';

/** Where a reader is; `incarnation` is the topic's life that the offsets belong to. */
interface Position {
  incarnation: string;
  readonly next: Map<number, number>;
}

/** Every reader gets every record, in order, or is told of a gap; and all come to the end. */
export function checkStreams(history: History, index: EventIndex, report: Report): void {
  const reached = new Map<string, Position>();
  for (const stream of history.streams) {
    const at = walk(history, stream, index, report);
    checkEnding(history, stream, report);
    const who = stream.subscriber ?? stream.reader;
    const before = reached.get(who);
    if (before?.incarnation !== at.incarnation) {
      // Another life of the topic; a stream that saw no cursor tells nothing.
      if (at.incarnation !== '') reached.set(who, at);
      continue;
    }
    for (const [partition, next] of at.next)
      before.next.set(partition, Math.max(next, before.next.get(partition) ?? 0));
  }
  checkFalseGaps(history, report);
  const { final } = history;
  if (final === undefined) return;
  for (const who of new Set(history.streams.map(({ reader, subscriber }) => subscriber ?? reader))) {
    const at = reached.get(who);
    final.partitions.forEach(({ highWatermark }, partition) => {
      const next = at?.incarnation === final.incarnation ? at.next.get(partition) : undefined;
      if ((next ?? 0) < highWatermark)
        report('behind', `${who} is at ${next} of ${highWatermark} in partition ${partition}`);
    });
  }
}

function walk(history: History, stream: Stream, index: EventIndex, report: Report): Position {
  const at: Position = { incarnation: '', next: new Map() };
  let generation: number | undefined;
  if (stream.resumed) jump(at, stream.resumed);
  for (const seen of stream.frames) {
    const { cursor } = seen;
    if (cursor === undefined) {
      // Nothing is owned any more.
      if (seen.kind === 'assignment' || seen.kind === 'ready') {
        at.next.clear();
        generation = undefined;
      }
      continue;
    }
    const owner = stream.subscriber !== undefined && (seen.kind === 'ready' || seen.kind === 'assignment');
    // A subscriber starts at its committed position, which `checkCommits` looks at; so does everyone in a new life of the topic.
    if (owner || at.incarnation !== cursor.incarnation) {
      if (seen.kind === 'events' || seen.kind === 'gap' || seen.kind === 'heartbeat') {
        report('skipped', `${stream.reader} got a frame of another topic than its stream's`);
      }
      // One that only loses partitions goes on in the others where it was.
      if (owner && generation !== undefined && generation === seen.generation)
        take(stream, seen, cursor, at, index, report);
      jump(at, cursor);
      if (owner) generation = seen.generation;
      // From the earliest record on, that is from 0 where nothing is ever removed.
      if (!owner && !history.retention) at.next.clear();
    }
    take(stream, seen, cursor, at, index, report);
  }
  return at;
}

function jump(at: Position, cursor: TopicCursor): void {
  at.incarnation = cursor.incarnation;
  at.next.clear();
  for (const [partition, next] of cursor.positions) at.next.set(partition, next);
}

function take(stream: Stream, seen: Seen, cursor: TopicCursor, at: Position, index: EventIndex, report: Report): void {
  const pass = (partition: number, to: number) => {
    const from = at.next.get(partition) ?? 0;
    if (to < from)
      report('order', `${stream.reader} went back from ${from} to ${to} in partition ${partition} (${seen.kind})`);
    const missed = index.firstKnown(at.incarnation, partition, from, to);
    if (missed !== undefined) {
      report(
        'skipped',
        `${stream.reader} did not get ${partition}/${missed}: it went from ${from} to ${to} (${seen.kind}, ${Math.round(seen.at)} ms)`,
      );
    }
    at.next.set(partition, to);
  };
  for (const { partition, offset } of seen.records ?? []) {
    pass(partition, offset);
    at.next.set(partition, offset + 1);
  }
  const { gap } = seen;
  if (gap && gap.reason !== 'TOPIC_RECREATED') {
    pass(gap.partition, gap.from);
    at.next.set(gap.partition, gap.to);
  }
  for (const [partition, next] of cursor.positions) pass(partition, next);
}

function checkFalseGaps(history: History, report: Report): void {
  const { final } = history;
  if (final === undefined) return;
  const there = new Set(final.records.map(({ partition, offset }) => `${partition}/${offset}`));
  for (const { frames, reader } of history.streams) {
    for (const { gap, cursor } of frames) {
      if (gap?.reason !== 'RETENTION' || cursor?.incarnation !== final.incarnation) continue;
      for (let offset = gap.from; offset < gap.to; offset++) {
        if (!there.has(`${gap.partition}/${offset}`)) continue;
        report(
          'false_gap',
          `${reader} was told that ${gap.partition}/${gap.from} to ${gap.to} is gone; ${offset} is there`,
        );
        break;
      }
    }
  }
}

/** Reasons that pass, for whoever tries again. */
const passing = new Set([
  'left',
  'end',
  'UNREACHABLE',
  'CONNECTION_LOST',
  'CANCELLED',
  'LOG_UNAVAILABLE',
  'COORDINATION_UNAVAILABLE',
  'SHUTTING_DOWN',
  'TOPIC_NOT_READY',
]);
const ofDeletion = new Set(['TOPIC_DELETED', 'TOPIC_NOT_FOUND', 'CURSOR_STALE_TOPIC']);

function checkEnding(history: History, stream: Stream, report: Report): void {
  const { outcome, reader } = stream;
  if (passing.has(outcome)) return;
  if (ofDeletion.has(outcome) && history.lives.some(({ deletedAt }) => deletedAt !== undefined)) return;
  report(
    'failure',
    `${untyped.has(outcome) ? 'without a reason' : 'for good'}: a stream of ${reader} ended with ${outcome}`,
  );
}
