import type { Config } from './config.js';
import { flagOf, type SettingName, settingNames, settings, variableOf } from './settings.js';
import type { Source } from './sources.js';
import { maskUrl } from './targets.js';

/** A setting for `--help`. */
export interface SettingDescription {
  readonly name: SettingName;
  readonly flag: string;
  readonly variable: string;
  readonly description: string;
  /** In words or as a value; undefined: none. */
  readonly default: string | undefined;
  /** `ms` or `bytes`. */
  readonly unit: string | undefined;
  /** What it may be, in words. */
  readonly expects: string;
  /** Whether the flag takes no value. */
  readonly isSwitch: boolean;
}

/** All settings, in the order in which people read them. */
export function describeConfig(): SettingDescription[] {
  return settingNames.map((name) => {
    const { description, expects, ...setting } = settings[name];
    const text = 'defaultText' in setting ? setting.defaultText : undefined;
    return {
      name,
      flag: flagOf(name),
      variable: variableOf(name),
      description,
      default: text ?? (setting.default === undefined ? undefined : String(setting.default)),
      unit: 'unit' in setting ? setting.unit : undefined,
      expects,
      isSwitch: typeof setting.default === 'boolean',
    };
  });
}

/** A setting for `--print-config`. */
export interface ShownSetting {
  readonly name: SettingName;
  /** Without secrets. Undefined: not set. */
  readonly value: string | undefined;
  readonly source: Source;
}

/** Each setting's value, without user names and passwords, and where it came from. */
export function maskConfig(config: Config): ShownSetting[] {
  return settingNames.map((name) => {
    const { value, source } = config.given[name];
    return { name, value: value === undefined ? undefined : maskUrl(String(value)), source };
  });
}
