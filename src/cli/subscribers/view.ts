import type {
  GetSubscriberResponse,
  ParkedRecord,
  ResetSubscriberResponse,
  Subscriber,
  SubscriberPosition,
} from '../../client/index.js';
import { safeText } from '../safe-text.js';
import { plainTable } from '../table.js';
import { formatCount, plural } from '../values.js';

interface Time {
  readonly seconds: bigint;
  readonly nanos: number;
}

export function subscribersTable(subscribers: readonly Subscriber[]): string {
  const table = plainTable(['subscriber', 'streams', 'lag', 'last commit', 'topics']);
  for (const { name, streams, lag, lastCommit, topics } of subscribers) {
    table.push([safeText(name), String(streams), countText(lag), timeText(lastCommit), safeText(topics.join(', '))]);
  }
  return table.toString();
}

/** All about one: its streams, then its positions. */
export function subscriberDetails(details: GetSubscriberResponse): string {
  const { subscriber, streams, parked, expires } = details;
  const lines = [
    `${safeText(subscriber?.name ?? '')}: ${plural(streams.length, 'stream')}, lag ${countText(subscriber?.lag)}, last commit ${timeText(subscriber?.lastCommit) || 'never'}`,
  ];
  if (parked !== undefined && parked > 0n) lines.push(`parked: ${plural(Number(parked), 'record')}`);
  if (expires) lines.push(`expires: ${timeText(expires)}`);
  if (streams.length > 0) {
    const table = plainTable(['stream', 'instance', 'generation', 'partitions', 'reads']);
    for (const { streamId, instance, generation, partitions, readerSchemaVersion: reads } of streams) {
      const owned = partitions.map(({ topic, partitions: list }) => `${topic} ${list.join(',')}`).join('; ');
      table.push([
        safeText(streamId),
        safeText(instance),
        String(generation ?? ''),
        safeText(owned || 'waiting'),
        reads === undefined ? '' : `version ${reads}`,
      ]);
    }
    lines.push('', table.toString());
  }
  lines.push('', lagTable(details));
  return lines.join('\n');
}

export function lagTable({ positions }: GetSubscriberResponse): string {
  const table = plainTable(['topic', 'partition', 'committed', 'end', 'lag', 'behind', 'last commit', 'owner', '']);
  for (const position of positions) {
    const { topic, partition, nextOffset, highWatermark, lag, lagTime, lastCommit, streamId } = position;
    table.push([
      safeText(topic),
      String(partition ?? 0),
      countText(nextOffset),
      countText(highWatermark),
      countText(lag),
      lagTime === undefined ? '' : durationText(lagTime),
      timeText(lastCommit),
      safeText(streamId),
      marks(position),
    ]);
  }
  return table.toString();
}

function marks({ stuck, stale }: SubscriberPosition): string {
  return [stuck ? 'stuck' : '', stale ? 'of an earlier topic' : ''].filter(Boolean).join(', ');
}

export function resetText({ changes, fencedStreams }: ResetSubscriberResponse, dryRun: boolean): string {
  const table = plainTable(['topic', 'partition', 'from', 'to']);
  for (const { topic, partition, fromOffset, toOffset } of changes) {
    table.push([safeText(topic), String(partition ?? 0), countText(fromOffset) || '–', countText(toOffset)]);
  }
  const done = dryRun ? 'would be moved' : 'moved';
  const fenced =
    fencedStreams === 0 ? '' : `, ${plural(fencedStreams, 'stream')} ${dryRun ? 'would be fenced' : 'fenced'}`;
  return `${table.toString()}\n${plural(changes.length, 'position')} ${done}${fenced}`;
}

export function parkedTable(records: readonly ParkedRecord[]): string {
  const table = plainTable(['position', 'parked', 'attempts', 'bytes', 'reason']);
  for (const { position, parkedAt, attempts, payloadBytes, reason } of records) {
    table.push([
      safeText(`${position?.topic ?? ''}/${position?.partition ?? 0}/${position?.offset ?? 0n}`),
      timeText(parkedAt),
      String(attempts),
      countText(payloadBytes),
      safeText(reason.length > 80 ? `${reason.slice(0, 79)}…` : reason),
    ]);
  }
  return table.toString();
}

function countText(count: bigint | undefined): string {
  return count === undefined ? '' : formatCount(Number(count));
}

function timeText(time: Time | undefined): string {
  return time === undefined ? '' : new Date(Number(time.seconds) * 1000 + time.nanos / 1e6).toISOString();
}

/** `1h 5m`, `12s`, `250ms`: its two largest parts. */
function durationText({ seconds, nanos }: Time): string {
  const ms = Number(seconds) * 1000 + Math.round(nanos / 1e6);
  if (ms < 1000) return `${ms}ms`;
  const units: readonly [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ];
  const found: string[] = [];
  let rest = ms;
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) found.push(`${count}${unit}`);
  }
  return found.slice(0, 2).join(' ');
}
