import { BusError } from '../errors.js';
import type { SchemaJudge } from '../ports/schema-judge.js';
import { defaultPublishLimits } from '../publish/command.js';
import { effectiveText } from '../topics/schema-record.js';
import type { TopicSchemas, TopicVersions } from '../topics/versions.js';
import type { SchemaChoice, ValidateCommand, Validated } from './commands.js';
import { chosen } from './describe.js';

/** Refusals that tell their violations: as many as an answer has room for. */
const mostExplained = 1_000;

/** Tells what publishing would refuse. */
export async function validateEvents(
  { topics, judge }: { readonly topics: TopicSchemas; readonly judge: SchemaJudge },
  { topic, payloads, against }: ValidateCommand,
  signal: AbortSignal,
): Promise<Validated> {
  checkSize(payloads);
  const read = await topics.read(topic);
  const { version, definition } = await schemaOf(topics, read, against);
  const { maxEventBytes, keyPointer, keyRequired: needsKey } = read.settings;
  const request = { definition, topic, maxEventBytes, keyPointer, needsKey, payloads, explained: mostExplained };
  return { events: payloads.length, refusals: await judge.validate(request, signal), version };
}

async function schemaOf(topics: TopicSchemas, read: TopicVersions, against: SchemaChoice) {
  if ('definition' in against) {
    const version = (read.versions.at(-1) ?? 0) + 1;
    const schema = await topics.resolve({ version, definition: against.definition });
    return { version: undefined, definition: effectiveText(schema) };
  }
  if (read.settings.schemaless && against.version === undefined) return { version: undefined, definition: 'true' };
  const version = chosen(read, against.version);
  return { version, definition: effectiveText(await topics.load(read, version)) };
}

/** The same as for publishing. */
function checkSize(payloads: readonly Uint8Array[]): void {
  const { eventsPerCall, bytesPerCall } = defaultPublishLimits;
  if (payloads.length === 0) throw new BusError('INVALID_REQUEST', 'events is empty; at least one event is required');
  if (payloads.length > eventsPerCall) {
    throw new BusError('BATCH_TOO_LARGE', `${payloads.length} events; a call may bring ${eventsPerCall}`);
  }
  const bytes = payloads.reduce((sum, { length }) => sum + length, 0);
  if (bytes > bytesPerCall) {
    throw new BusError('BATCH_TOO_LARGE', `the events have ${bytes} bytes in all; a call may bring ${bytesPerCall}`);
  }
}
