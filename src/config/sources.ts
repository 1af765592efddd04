import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseJsonText } from '../core/json-text.js';
import { didYouMean } from '../core/near-names.js';
import { ConfigError } from './errors.js';
import { flagOf, isSettingName, type SettingName, settingNames, variableOf } from './settings.js';

export type Source = 'flag' | 'env' | 'file' | 'default';

/** A value as somebody gave it. */
export interface Given {
  readonly value: unknown;
  readonly source: Exclude<Source, 'default'>;
  /** How messages call it: `--port`, `MAINSTEM_PORT`, `port in mainstem.json`. */
  readonly label: string;
  /** Where relative paths in it start. */
  readonly base: string;
}

export type GivenSettings = Map<SettingName, Given>;

const fileVariable = 'MAINSTEM_CONFIG';

/** Variables that belong to other programs: the client's address, and the tests' settings. */
const isForeign = (variable: string) => variable === 'MAINSTEM_ADDRESS' || variable.startsWith('MAINSTEM_TEST_');

/** Flags by setting name, as a command line parser has them; `config` is the file. Undefined ones are absent. */
export function fromFlags(flags: Readonly<Record<string, unknown>>, cwd: string): GivenSettings {
  const given: GivenSettings = new Map();
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined || name === 'config') continue;
    if (!isSettingName(name)) {
      throw new ConfigError(`there is no flag ${flagOf(name)}.${didYouMean(flagOf(name), settingNames.map(flagOf))}`);
    }
    given.set(name, { value, source: 'flag', label: flagOf(name), base: cwd });
  }
  return given;
}

/** All variables that start with MAINSTEM_; empty ones are absent. */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>, cwd: string): GivenSettings {
  const names = new Map(settingNames.map((name) => [variableOf(name), name]));
  const given: GivenSettings = new Map();
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('MAINSTEM_') || variable === fileVariable || isForeign(variable)) continue;
    const name = names.get(variable);
    if (name === undefined) {
      const known = [...names.keys(), fileVariable, 'MAINSTEM_ADDRESS'];
      throw new ConfigError(
        `there is no setting for the environment variable ${variable}.${didYouMean(variable, known)}`,
      );
    }
    if (value !== undefined && value !== '') given.set(name, { value, source: 'env', label: variable, base: cwd });
  }
  return given;
}

/** The file that --config or MAINSTEM_CONFIG names, absolute. */
export function configFileOf(
  flags: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): string | undefined {
  const path = flags.config ?? (env[fileVariable] === '' ? undefined : env[fileVariable]);
  if (path === undefined) return undefined;
  if (typeof path !== 'string' || path === '') throw new ConfigError('--config: name a JSON file');
  return resolve(cwd, path);
}

/** A JSON object with settings by name. Paths in it start from its own directory. */
export function fromFile(path: string): GivenSettings {
  const content = parseFile(path);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new ConfigError(`${path}: it must hold a JSON object with settings, such as {"port": 8080}`);
  }
  const given: GivenSettings = new Map();
  for (const [name, value] of Object.entries(content)) {
    if (name === '$schema') continue;
    if (!isSettingName(name))
      throw new ConfigError(`${path}: there is no setting "${name}".${didYouMean(name, settingNames)}`);
    given.set(name, { value, source: 'file', label: `${name} in ${path}`, base: dirname(path) });
  }
  return given;
}

function parseFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`the configuration file ${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    return parseJsonText(text);
  } catch (error) {
    throw new ConfigError(`${path} is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
