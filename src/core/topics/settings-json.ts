import { compatibilityLevels, readings } from '../compatibility/policy.js';
import { BusError } from '../errors.js';
import { didYouMean } from '../near-names.js';
import { checkSettings } from './settings.js';
import type { SettingsInput } from './topic.js';
import { parseBytes, parseDuration } from './units.js';

/** What each setting may be as people write it in JSON, beside the limits that hold everywhere. */
const readers: {
  readonly [K in keyof SettingsInput]-?: { readonly read: (value: unknown) => unknown; readonly expects: string };
} = {
  partitions: { read: asInteger, expects: 'a whole number' },
  replicationFactor: { read: asInteger, expects: 'a whole number' },
  minInsyncReplicas: { read: asInteger, expects: 'a whole number' },
  retentionMs: { read: parseDuration, expects: 'milliseconds, or a duration such as "7d", "12h" or "30s"' },
  retentionBytes: { read: parseBytes, expects: 'bytes, or a size such as "10GiB"' },
  maxEventBytes: { read: parseBytes, expects: 'bytes, or a size such as "1MiB"' },
  keyPointer: {
    read: (value) => (typeof value === 'string' ? value : undefined),
    expects: 'a JSON Pointer such as "/id"',
  },
  keyRequired: { read: asBoolean, expects: 'true or false' },
  schemaless: { read: asBoolean, expects: 'true or false' },
  compatibility: {
    read: (value) => compatibilityLevels.find((level) => level === value),
    expects: `one of ${compatibilityLevels.join(', ')}`,
  },
  reading: { read: (value) => readings.find((reading) => reading === value), expects: `one of ${readings.join(', ')}` },
  dedupeWindowMs: { read: parseDuration, expects: 'milliseconds, or a duration such as "10m"; 0 is off' },
  dedupeEntries: { read: asInteger, expects: 'a whole number' },
};

/** Beside settings: that schemas may be without any rule. */
const allowing = 'allowAnything';

/** What people write for settings in milliseconds. */
const aliases: Readonly<Record<string, keyof SettingsInput>> = {
  retention: 'retentionMs',
  dedupeWindow: 'dedupeWindowMs',
};

/** Settings as the members of a JSON object, as in `topic.json`. Throws TOPIC_SETTINGS_INVALID that names the member. */
export function settingsFromJson(members: readonly (readonly [name: string, value: unknown])[]): {
  readonly settings: SettingsInput;
  readonly allowAnything: boolean;
} {
  const found: Record<string, unknown> = {};
  let allowAnything = false;
  for (const [key, value] of members) {
    if (key === allowing) {
      if (typeof value !== 'boolean') throw invalid(`"${key}": expected true or false`);
      allowAnything = value;
      continue;
    }
    const name = Object.hasOwn(aliases, key) ? aliases[key] : key;
    if (name === undefined || !isSetting(name)) {
      const known = [...Object.keys(readers), ...Object.keys(aliases), allowing];
      throw invalid(`there is no setting "${key.slice(0, 80)}".${didYouMean(key, known)}`);
    }
    if (Object.hasOwn(found, name)) throw invalid(`"${key}" is given twice, under another name`);
    const { read, expects } = readers[name];
    found[name] = read(value);
    if (found[name] === undefined) {
      throw invalid(`"${key}": expected ${expects}; found ${JSON.stringify(value).slice(0, 80)}`);
    }
  }
  // Each reader returns its setting's type, which a loop over names cannot express.
  const settings = found as SettingsInput;
  checkSettings(settings);
  return { settings, allowAnything };
}

function invalid(message: string): BusError {
  return new BusError('TOPIC_SETTINGS_INVALID', message);
}

function isSetting(name: string): name is keyof SettingsInput {
  return Object.hasOwn(readers, name);
}

function asBoolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

function asInteger(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}
