import { compareWith } from '../compatibility/compare.js';
import type { Finding } from '../compatibility/report.js';
import { BusError } from '../errors.js';
import type { SchemaJudge } from '../ports/schema-judge.js';
import { effectiveText, type StoredSchema } from '../topics/schema-record.js';
import type { TopicSchemas, TopicVersions } from '../topics/versions.js';
import { changesBetween } from './changes.js';
import type { DiffCommand, Difference, SchemaChoice } from './commands.js';
import { chosen } from './describe.js';

/** Compares a version with another one, or with a proposed schema. */
export async function diffSchemas(
  { topics, judge }: { readonly topics: TopicSchemas; readonly judge: SchemaJudge },
  command: DiffCommand,
  signal: AbortSignal,
): Promise<Difference> {
  const read = await topics.read(command.topic);
  const { version: to, schema: after } = await newSide(topics, read, command.to);
  const from = command.from ?? versionBefore(read, to);
  const before = await topics.load(read, from);
  const proposal = {
    definition: effectiveText(after),
    called: to === undefined ? 'the proposed schema' : `version ${to}`,
    reading: command.reading ?? read.settings.reading,
    load: async () => effectiveText(before),
  };
  const ask = async (backward: boolean): Promise<Finding> => {
    const [finding] = await compareWith(judge, proposal, [{ version: from, backward }], signal);
    if (finding === undefined) throw new TypeError('a question without an answer');
    return finding;
  };
  await judge.compile(proposal.definition, signal);
  const changes = changesBetween(before.definition, after.definition);
  return { from, to, changes, backward: await ask(true), forward: await ask(false) };
}

async function newSide(
  topics: TopicSchemas,
  read: TopicVersions,
  choice: SchemaChoice,
): Promise<{ readonly version: number | undefined; readonly schema: StoredSchema }> {
  if ('definition' in choice) {
    const next = (read.versions.at(-1) ?? 0) + 1;
    return { version: undefined, schema: await topics.resolve({ version: next, definition: choice.definition }) };
  }
  const version = chosen(read, choice.version);
  return { version, schema: await topics.load(read, version) };
}

function versionBefore(read: TopicVersions, to: number | undefined): number {
  const { topic, versions } = read;
  if (to === undefined) return chosen(read, undefined);
  const before = versions.findLast((version) => version < to);
  if (before !== undefined) return before;
  throw new BusError('SCHEMA_VERSION_NOT_FOUND', `topic ${topic} has no schema version before ${to}`, {
    metadata: { topic },
  });
}
