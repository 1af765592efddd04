import type { CreateTopicInput, MainstemClient, Topic } from '../../client/index.js';
import { type Io, note } from '../io.js';
import { confirm, type OutputOptions, print, printJson, readText } from '../print.js';
import { safeText } from '../safe-text.js';
import { UsageError } from '../usage-error.js';
import { plural } from '../values.js';
import { detailsJson, topicDetails, topicJson, topicsTable } from './view.js';

export interface CreateOptions extends OutputOptions {
  readonly partitions?: number;
  readonly schemaless?: boolean;
  readonly schema?: string;
  readonly retention?: number;
  readonly retentionBytes?: number;
  readonly maxEventBytes?: number;
  readonly keyPointer?: string;
  readonly keyRequired?: boolean;
  readonly dedupeWindow?: number;
  readonly dedupeEntries?: number;
  readonly replicationFactor?: number;
  readonly minInsyncReplicas?: number;
  readonly adopt?: boolean;
  readonly allowAnything?: boolean;
}

export async function listTopics(io: Io, client: MainstemClient, options: OutputOptions): Promise<void> {
  const topics = await client.topics.list({ signal: io.interrupted });
  if (options.output === 'json') await printJson(io, topics.map(topicJson));
  else if (topics.length === 0) note(io, 'no topics yet: `mainstem topics create NAME --schemaless` makes one');
  else await print(io, topicsTable(topics));
}

export async function showTopic(io: Io, client: MainstemClient, name: string, options: OutputOptions): Promise<void> {
  const details = await client.topics.get(name, { signal: io.interrupted });
  const { topic } = details;
  if (topic === undefined) throw new Error('the server answered without the topic');
  const json = options.output === 'json';
  await print(io, json ? JSON.stringify(detailsJson(details, topic), null, 2) : topicDetails(details, topic));
}

export async function createTopic(io: Io, client: MainstemClient, name: string, options: CreateOptions): Promise<void> {
  const topic = await client.topics.create(await createInput(io, name, options), {
    signal: io.interrupted,
    onWarning: (warning) => note(io, `warning: ${safeText(warning)}`),
  });
  await printTopic(io, topic, options, `${options.adopt ? 'adopted' : 'created'} ${topic.name}`);
}

export interface DeleteOptions extends OutputOptions {
  readonly yes?: boolean;
  readonly force?: boolean;
}

export async function deleteTopic(io: Io, client: MainstemClient, name: string, options: DeleteOptions): Promise<void> {
  if (!options.yes) await confirm(io, name, `removes ${name} and its events for good`);
  await client.topics.delete(name, { signal: io.interrupted, force: options.force });
  await print(io, options.output === 'json' ? JSON.stringify({ deleted: name }) : `deleted ${safeText(name)}`);
}

async function printTopic(io: Io, topic: Topic, options: OutputOptions, text: string): Promise<void> {
  if (options.output === 'json') await printJson(io, topicJson(topic));
  else await print(io, `${safeText(text)} with ${plural(topic.settings?.partitions ?? 0, 'partition')}`);
}

async function createInput(io: Io, topic: string, options: CreateOptions): Promise<CreateTopicInput> {
  if (options.schemaless && options.schema !== undefined) {
    throw new UsageError('--schemaless and --schema exclude each other');
  }
  if (!options.schemaless && options.schema === undefined && !options.adopt) {
    throw new UsageError('a topic needs --schema FILE, or --schemaless to take any JSON');
  }
  const { retention, dedupeWindow } = options;
  return {
    topic,
    adopt: options.adopt ?? false,
    allowAnything: options.allowAnything ?? false,
    schema: options.schema === undefined ? undefined : await readText(io, options.schema),
    settings: {
      partitions: options.partitions,
      replicationFactor: options.replicationFactor,
      minInsyncReplicas: options.minInsyncReplicas,
      maxEventBytes: options.maxEventBytes,
      keyPointer: options.keyPointer,
      keyRequired: options.keyRequired,
      schemaless: options.schemaless,
      retentionBytes: options.retentionBytes === undefined ? undefined : BigInt(options.retentionBytes),
      retentionTime: retention === undefined ? undefined : durationOf(retention),
      dedupeWindow: dedupeWindow === undefined ? undefined : durationOf(dedupeWindow),
      dedupeEntries: options.dedupeEntries,
    },
  };
}

/** Milliseconds as protobuf has them. */
export function durationOf(ms: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1e6 };
}
