import type { SchemaPolicy } from '../compatibility/report.js';
import { BusError } from '../errors.js';
import type { SettledTopic } from '../topics/record.js';
import { mergeSettings } from '../topics/settings.js';
import { schemaVersionNotFound } from '../topics/snapshot.js';
import type { SchemaState } from '../topics/topic.js';
import type { TopicSchemas, TopicVersions } from '../topics/versions.js';

/** Changes the policy by which new versions of a topic are judged. */
export async function setPolicy(
  topics: TopicSchemas,
  topic: string,
  { level, reading }: Partial<SchemaPolicy>,
): Promise<SchemaPolicy> {
  const { settings } = await topics.change(topic, (record) => {
    const wanted = mergeSettings(record.settings, { compatibility: level, reading });
    const same = wanted.compatibility === record.settings.compatibility && wanted.reading === record.settings.reading;
    return same ? record : { ...record, settings: wanted };
  });
  return { level: settings.compatibility, reading: settings.reading };
}

/** Opens, deprecates or closes a version. */
export function setState(
  topics: TopicSchemas,
  topic: string,
  version: number,
  state: SchemaState,
): Promise<TopicVersions> {
  return topics.change(topic, (record, now) => {
    if (!now.versions.includes(version)) throw schemaVersionNotFound(topic, version, now.versions.at(-1));
    if (now.state(version) === state) return record;
    if (state === 'closed') checkOthersOpen(now, version);
    return withState(record, version, state);
  });
}

/** Events that name no version need one. */
function checkOthersOpen({ topic, versions, state }: TopicVersions, version: number): void {
  if (versions.some((other) => other !== version && state(other) !== 'closed')) return;
  throw new BusError(
    'SCHEMA_VERSION_IN_USE',
    `version ${version} is the only schema version of topic ${topic} that is open; register or open another one first`,
    { metadata: { topic, version: String(version) } },
  );
}

function withState(record: SettledTopic, version: number, state: SchemaState): SettledTopic {
  const { [String(version)]: _, ...others } = record.schemaStates ?? {};
  return { ...record, schemaStates: state === 'active' ? others : { ...others, [version]: state } };
}
