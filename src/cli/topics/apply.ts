import { resolve } from 'node:path';
import {
  type ApplyTopicInput,
  CompatibilityLevel,
  CompatibilityReading,
  type MainstemClient,
  MainstemError,
} from '../../client/index.js';
import type { TopicFile } from '../../config/index.js';
import { type Io, note } from '../io.js';
import { type OutputOptions, print, printJson } from '../print.js';
import { describeError } from '../report-error.js';
import { safeText } from '../safe-text.js';
import { ExitWith } from '../usage-error.js';
import { durationOf } from './actions.js';

/** What became of one topic of a directory. */
interface Applied {
  readonly topic: string;
  readonly changes: readonly string[];
  readonly warnings: readonly string[];
  readonly error?: string;
  readonly reason?: string;
}

/** Applies each topic of a directory; one that the server refuses does not keep it from the others. */
export async function applyTopics(io: Io, client: MainstemClient, dir: string, options: OutputOptions): Promise<void> {
  const { readTopicFiles } = await import('../../config/index.js');
  const files = readTopicFiles(resolve(io.cwd, dir));
  const text = options.output === 'text';
  const all: Applied[] = [];
  for (const file of files) {
    const applied = await applyOne(io, client, file);
    all.push(applied);
    if (text && applied.error === undefined) {
      await print(io, `${safeText(file.name)}: ${applied.changes.map(safeText).join('; ') || 'nothing to change'}`);
    }
    for (const warning of applied.warnings) note(io, `warning: ${safeText(`${file.name}: ${warning}`)}`);
  }
  if (files.length === 0) note(io, `no topics in ${dir}: it should have a directory per topic, with 1.json in it`);
  if (!text) await printJson(io, all);
  if (all.some((applied) => applied.error !== undefined)) throw new ExitWith(1);
}

async function applyOne(io: Io, client: MainstemClient, file: TopicFile): Promise<Applied> {
  const topic = file.name;
  try {
    const { changes, warnings } = await client.topics.apply(inputOf(file), { signal: io.interrupted });
    return { topic, changes, warnings };
  } catch (error) {
    // A server that is gone is gone for the others too.
    if (!(error instanceof MainstemError) || error.code === 'unavailable' || io.interrupted.aborted) throw error;
    for (const line of describeError(error)) note(io, `${safeText(topic)}: ${line}`);
    return { topic, changes: [], warnings: [], error: error.message, reason: error.reason };
  }
}

const readings = { strict: CompatibilityReading.STRICT, declared: CompatibilityReading.DECLARED };

function inputOf({ name, settings, schemas, allowAnything }: TopicFile): ApplyTopicInput {
  const { retentionMs, retentionBytes, compatibility, reading, dedupeWindowMs, ...others } = settings;
  return {
    topic: name,
    allowAnything,
    schemas: schemas.map(({ version, definition }) => ({ version, definition })),
    settings: {
      ...others,
      compatibility: CompatibilityLevel[compatibility ?? 'UNSPECIFIED'],
      reading: reading === undefined ? CompatibilityReading.UNSPECIFIED : readings[reading],
      retentionTime: retentionMs === undefined ? undefined : durationOf(retentionMs),
      retentionBytes: retentionBytes === undefined ? undefined : BigInt(retentionBytes),
      dedupeWindow: dedupeWindowMs === undefined ? undefined : durationOf(dedupeWindowMs),
    },
  };
}
