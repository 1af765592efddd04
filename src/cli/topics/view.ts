import pc from 'picocolors';
import { type GetTopicResponse, type Topic, TopicState } from '../../client/index.js';
import { safeText } from '../safe-text.js';
import { plainTable } from '../table.js';
import { formatBytes, formatCount, formatDuration } from '../values.js';

const states: Record<TopicState, string> = {
  [TopicState.UNSPECIFIED]: 'unknown',
  [TopicState.CREATING]: 'creating',
  [TopicState.ACTIVE]: 'active',
  [TopicState.DELETING]: 'deleting',
  [TopicState.UNMANAGED]: 'unmanaged',
};

/** A topic as JSON for machines; `retentionMs` and `retentionBytes` 0 mean no limit. */
export function topicJson(topic: Topic): Record<string, unknown> {
  const { settings } = topic;
  return {
    name: topic.name,
    state: states[topic.state] ?? 'unknown',
    partitions: settings?.partitions,
    replicationFactor: settings?.replicationFactor,
    minInsyncReplicas: settings?.minInsyncReplicas,
    retentionMs: retentionMs(topic),
    retentionBytes: number(settings?.retentionBytes),
    maxEventBytes: settings?.maxEventBytes,
    keyPointer: settings?.keyPointer,
    keyRequired: settings?.keyRequired ?? false,
    schemaless: settings?.schemaless ?? false,
    dedupeWindowMs: settings?.dedupeWindow && durationMs(settings.dedupeWindow),
    dedupeEntries: settings?.dedupeEntries,
    schemaVersion: topic.schemaVersion,
    incarnation: topic.incarnation || undefined,
    publisherTime: topic.publisherTime,
  };
}

export function detailsJson(details: GetTopicResponse, topic: Topic): Record<string, unknown> {
  return {
    ...topicJson(topic),
    partitionStatus: details.partitions.map((status) => ({
      partition: status.partition ?? 0,
      earliestOffset: number(status.earliestOffset) ?? 0,
      highWatermark: number(status.highWatermark) ?? 0,
      sizeBytes: number(status.sizeBytes),
      eventsPerSecond: status.eventsPerSecond,
    })),
    sizeBytes: number(details.sizeBytes),
    eventsPerSecond: details.eventsPerSecond,
    schemas: details.schemas.map(({ version, definition }) => ({ version, definition })),
  };
}

export function topicsTable(topics: readonly Topic[]): string {
  const table = plainTable(['topic', 'state', 'partitions', 'retention', 'schema', 'key']);
  for (const topic of topics) {
    table.push([
      safeText(topic.name),
      states[topic.state] ?? 'unknown',
      String(topic.settings?.partitions ?? ''),
      retention(topic),
      schemaText(topic),
      safeText(topic.settings?.keyPointer ?? ''),
    ]);
  }
  return table.toString();
}

export function topicDetails(details: GetTopicResponse, topic: Topic): string {
  const { settings } = topic;
  const facts = plainTable([]);
  const rows: [string, string][] = [
    ['topic', pc.bold(safeText(topic.name))],
    ['state', states[topic.state] ?? 'unknown'],
    ['schema', schemaText(topic)],
    ['key pointer', safeText(settings?.keyPointer ?? '') || 'none'],
    ['key required', settings?.keyRequired ? 'yes' : 'no'],
    ['retention', retention(topic)],
    ['size', sizeText(details.sizeBytes)],
    ['events per second', rateText(details.eventsPerSecond)],
    ['largest event', settings?.maxEventBytes === undefined ? '' : formatBytes(settings.maxEventBytes)],
    ['dedupe window', dedupeWindow(topic)],
    ['replicas', `${settings?.replicationFactor ?? '?'}, ${settings?.minInsyncReplicas ?? '?'} of them to acknowledge`],
    ['record times', topic.publisherTime ? "the publishers' (may run backwards)" : "the log's"],
    ['incarnation', safeText(topic.incarnation)],
  ];
  facts.push(...rows);
  const partitions = plainTable(['partition', 'earliest', 'high watermark', 'records at most', 'size', 'events/s']);
  for (const status of details.partitions) {
    const earliest = status.earliestOffset ?? 0n;
    const end = status.highWatermark ?? 0n;
    partitions.push([
      String(status.partition ?? 0),
      String(earliest),
      String(end),
      formatCount(Number(end - earliest)),
      sizeText(status.sizeBytes),
      rateText(status.eventsPerSecond),
    ]);
  }
  return `${facts.toString()}\n\n${partitions.toString()}`;
}

function sizeText(bytes: bigint | undefined): string {
  return bytes === undefined ? 'unknown' : formatBytes(Number(bytes));
}

/** Over the last minute. */
function rateText(rate: number | undefined): string {
  return rate === undefined ? 'unknown' : String(Number(rate.toPrecision(3)));
}

function schemaText(topic: Topic): string {
  if (topic.settings?.schemaless) return 'schemaless';
  return topic.schemaVersion === undefined ? 'none' : `version ${topic.schemaVersion}`;
}

function retention(topic: Topic): string {
  const ms = retentionMs(topic);
  const bytes = number(topic.settings?.retentionBytes) ?? 0;
  const time = ms === undefined ? '' : formatDuration(ms);
  return bytes === 0 ? time : `${time}, ${formatBytes(bytes)} per partition`;
}

function retentionMs(topic: Topic): number | undefined {
  const time = topic.settings?.retentionTime;
  return time && durationMs(time);
}

function dedupeWindow({ settings }: Topic): string {
  if (settings?.dedupeWindow === undefined) return '';
  const ms = durationMs(settings.dedupeWindow);
  return ms === 0
    ? 'off'
    : `${formatDuration(ms)}, the newest ${formatCount(settings.dedupeEntries ?? 0)} events at most`;
}

function durationMs({ seconds, nanos }: { readonly seconds: bigint; readonly nanos: number }): number {
  return Number(seconds) * 1000 + Math.round(nanos / 1e6);
}

function number(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
