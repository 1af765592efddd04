import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Duration, durationFromMs } from '@bufbuild/protobuf/wkt';
import { BusError } from '../../core/errors.js';
import type { SettingsInput, TopicDetail, TopicInfo, TopicSettings } from '../../core/topics/topic.js';
import {
  type GetTopicResponseSchema,
  type TopicSettings as SettingsMessage,
  type Topic,
  TopicSchema,
  type TopicSettingsSchema,
  TopicState,
} from '../../gen/mainstem/v1/topic_pb.js';
import { toLevel, toReading } from './schema-mapper.js';
import { levels, readings } from './schema-report-mapper.js';

const states: { readonly [K in TopicInfo['state']]: TopicState } = {
  creating: TopicState.CREATING,
  active: TopicState.ACTIVE,
  deleting: TopicState.DELETING,
  unmanaged: TopicState.UNMANAGED,
};

/** What is absent stays undefined. Ranges are checked by the core, which throws TOPIC_SETTINGS_INVALID. */
export function toSettingsInput(settings: SettingsMessage | undefined): SettingsInput {
  if (settings === undefined) return {};
  const { partitions, replicationFactor, minInsyncReplicas, retentionTime, retentionBytes, maxEventBytes } = settings;
  return {
    partitions,
    replicationFactor,
    minInsyncReplicas,
    // Times are lower bounds: a part of a millisecond counts as a whole one.
    retentionMs: retentionTime && wholeMs(retentionTime),
    retentionBytes: retentionBytes === undefined ? undefined : bytesOf(retentionBytes),
    maxEventBytes,
    keyPointer: settings.keyPointer,
    keyRequired: settings.keyRequired,
    schemaless: settings.schemaless,
    compatibility: toLevel(settings.compatibility),
    reading: toReading(settings.reading),
    dedupeWindowMs: settings.dedupeWindow && wholeMs(settings.dedupeWindow),
    dedupeEntries: settings.dedupeEntries,
  };
}

function wholeMs({ seconds, nanos }: Duration): number {
  return Number(seconds) * 1000 + Math.ceil(nanos / 1e6);
}

function bytesOf(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new BusError('TOPIC_SETTINGS_INVALID', `retention_bytes: ${value} is too large; 2^53 - 1 is the most`);
}

export function toTopic({ name, state, settings, incarnation, latestSchemaVersion, publisherTime }: TopicInfo): Topic {
  return create(TopicSchema, {
    name,
    state: states[state],
    settings: toSettingsMessage(settings),
    incarnation,
    publisherTime,
    ...(latestSchemaVersion === undefined ? {} : { schemaVersion: latestSchemaVersion }),
  });
}

function toSettingsMessage(settings: TopicSettings): MessageInitShape<typeof TopicSettingsSchema> {
  const { retentionMs, retentionBytes, keyPointer, compatibility, reading, dedupeWindowMs, ...same } = settings;
  return {
    ...same,
    retentionTime: durationFromMs(retentionMs),
    retentionBytes: BigInt(retentionBytes),
    compatibility: levels[compatibility],
    reading: readings[reading],
    dedupeWindow: durationFromMs(dedupeWindowMs),
    ...(keyPointer === undefined ? {} : { keyPointer }),
  };
}

export function toTopicDetail(detail: TopicDetail): MessageInitShape<typeof GetTopicResponseSchema> {
  return {
    topic: toTopic(detail.topic),
    partitions: detail.partitions.map(({ partition, earliest, highWatermark, ...figures }) => ({
      partition,
      earliestOffset: BigInt(earliest),
      highWatermark: BigInt(highWatermark),
      ...toFigures(figures),
    })),
    schemas: detail.schemas.map(({ version, definition }) => ({ version, definition })),
    ...toFigures(detail),
  };
}

function toFigures({ sizeBytes, eventsPerSecond }: Pick<TopicDetail, 'sizeBytes' | 'eventsPerSecond'>) {
  return {
    ...(sizeBytes !== undefined && { sizeBytes: BigInt(sizeBytes) }),
    ...(eventsPerSecond !== undefined && { eventsPerSecond }),
  };
}
