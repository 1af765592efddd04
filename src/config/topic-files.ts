import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { BusError } from '../core/errors.js';
import { parseJsonText } from '../core/json-text.js';
import { checkTopicName } from '../core/topics/names.js';
import { settingsFromJson } from '../core/topics/settings-json.js';
import type { SchemaInput, SettingsInput } from '../core/topics/topic.js';
import { ConfigError } from './errors.js';

/** A topic as a directory describes it: what `apply` takes. */
export interface TopicFile {
  readonly name: string;
  readonly settings: SettingsInput;
  /** In order, from 1, without holes. */
  readonly schemas: readonly SchemaInput[];
  /** Also schemas without any rule. */
  readonly allowAnything: boolean;
}

const settingsFile = 'topic.json';

/**
 * Reads a directory of topics, by name: `<topic>/topic.json` with settings (it may be absent), and `<topic>/<version>.json` with JSON Schemas,
 * from 1 without holes. Names that start with a dot are passed over. Throws a ConfigError that names the file, and the line where that helps.
 */
export function readTopicFiles(directory: string): TopicFile[] {
  return entriesOf(directory)
    .filter(({ stats }) => stats.isDirectory())
    .map(({ name }) => readTopic(join(directory, name), name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readTopic(directory: string, name: string): TopicFile {
  explained(directory, () => checkTopicName(name));
  const names = entriesOf(directory)
    .filter(({ stats }) => stats.isFile())
    .map((file) => file.name);
  for (const file of names) {
    if (file === settingsFile || /^[1-9]\d*\.json$/.test(file) || !file.endsWith('.json')) continue;
    throw new ConfigError(`${join(directory, file)}: expected ${settingsFile}, or a schema version such as 1.json`);
  }
  const versions = names
    .filter((file) => /^[1-9]\d*\.json$/.test(file))
    .map((file) => Number.parseInt(file, 10))
    .sort((a, b) => a - b);
  for (const [index, version] of versions.entries()) {
    if (version === index + 1) continue;
    throw new ConfigError(
      `${directory}: schema version ${index + 1} is missing; versions are numbered from 1 without holes`,
    );
  }
  const schemas = versions.map((version) => readSchema(join(directory, `${version}.json`), version));
  const { settings, allowAnything } = names.includes(settingsFile)
    ? readSettings(join(directory, settingsFile))
    : { settings: {}, allowAnything: false };
  if (schemas.length === 0 && settings.schemaless !== true) {
    throw new ConfigError(
      `${directory}: a schema (1.json) is missing; or write {"schemaless": true} in ${settingsFile}`,
    );
  }
  if (schemas.length > 0 && settings.schemaless === true) {
    throw new ConfigError(
      `${join(directory, settingsFile)}: the topic is schemaless, and yet has 1.json; leave one of the two out`,
    );
  }
  return { name, settings, schemas, allowAnything };
}

function readSchema(path: string, version: number): SchemaInput {
  const definition = readText(path);
  parseText(path, definition);
  return { version, definition };
}

function readSettings(path: string): Pick<TopicFile, 'settings' | 'allowAnything'> {
  const content = parseText(path, readText(path));
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new ConfigError(`${path}: expected a JSON object with settings, such as {"partitions": 4}`);
  }
  return explained(path, () => settingsFromJson(Object.entries(content).filter(([key]) => key !== '$schema')));
}

/** What is in a directory. Links are followed: mounted configuration consists of them. */
function entriesOf(directory: string): { readonly name: string; readonly stats: Stats }[] {
  try {
    return readdirSync(directory)
      .filter((name) => !name.startsWith('.'))
      .map((name) => ({ name, stats: statSync(join(directory, name)) }));
  } catch (error) {
    throw new ConfigError(`the directory ${directory} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function parseText(path: string, text: string): unknown {
  try {
    return parseJsonText(text);
  } catch (error) {
    throw new ConfigError(`${path} is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** The core's objections, with the file. */
function explained<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof BusError) throw new ConfigError(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
