import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { ConfigError } from './errors.js';
import { type Setting, type SettingName, settingNames, settings, type Values, variableOf } from './settings.js';
import {
  configFileOf,
  fromEnvironment,
  fromFile,
  fromFlags,
  type Given,
  type GivenSettings,
  type Source,
} from './sources.js';
import { type CoordinationTarget, type LogTarget, parseCoordinationTarget, parseLogTarget } from './targets.js';

/** Everything that can be configured, checked and complete. Paths are absolute, times milliseconds, sizes bytes. */
export interface Config {
  readonly log: LogTarget;
  readonly coordination: CoordinationTarget;
  /** Not used by an embedded log. */
  readonly kafkaClient: 'kafkajs' | 'platformatic';
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly insecureListen: boolean;
  readonly role: 'all' | 'input' | 'output';
  /** `required`: somebody named the directory, so it must exist. */
  readonly schemas: { readonly directory: string; readonly required: boolean };
  /** Whose pages may call, `*` for all; undefined: nobody's. */
  readonly corsOrigins: readonly string[] | undefined;
  /** PEM files; undefined: cleartext. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly zookeeperSessionTimeoutMs: number;
  readonly coordinationGraceMs: number;
  readonly heartbeatMs: number;
  /** Undefined: never. */
  readonly subscriberExpiryMs: number | undefined;
  readonly shutdownGraceMs: number;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** Of the embedded drivers; undefined: their own default. */
  readonly maxDataBytes: number | undefined;
  readonly publish: {
    readonly bufferBytes: number;
    readonly topicBufferBytes: number;
    readonly appendTimeoutMs: number;
  };
  /** The configuration file, if there is one. */
  readonly file: string | undefined;
  /** Each setting as it was given, and by what: for `--print-config`. */
  readonly given: { readonly [K in SettingName]: { readonly value: Values[K]; readonly source: Source } };
}

export interface ConfigInput {
  /** By setting name, such as `tlsCert` for --tls-cert; `config` is the file. */
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where relative paths start. */
  readonly cwd?: string;
}

/** Reads the configuration: flags win over the environment, that over the file, that over the defaults. Throws ConfigErrors. */
export function loadConfig({ flags = {}, env = process.env, cwd = process.cwd() }: ConfigInput = {}): Config {
  const file = configFileOf(flags, env, cwd);
  const sources = [fromFlags(flags, cwd), fromEnvironment(env, cwd), ...(file === undefined ? [] : [fromFile(file)])];
  const reader = new Reader(sources, cwd);
  const host = reader.need('host');
  const insecureListen = reader.need('insecureListen');
  checkHost(host, insecureListen);
  const targets = reader.targets();
  const config: Config = {
    ...targets,
    kafkaClient: reader.need('kafkaClient'),
    host,
    port: reader.need('port'),
    insecureListen,
    role: reader.need('role'),
    schemas: { directory: reader.needPath('schemas'), required: reader.given('schemas') !== undefined },
    corsOrigins: reader.value('corsOrigins'),
    tls: reader.tls(),
    zookeeperSessionTimeoutMs: reader.need('zookeeperSessionTimeoutMs'),
    coordinationGraceMs: reader.need('coordinationGraceMs'),
    heartbeatMs: reader.need('heartbeatMs'),
    subscriberExpiryMs: reader.value('subscriberExpiryMs'),
    shutdownGraceMs: reader.need('shutdownGraceMs'),
    logLevel: reader.need('logLevel'),
    maxDataBytes: reader.value('maxDataBytes'),
    publish: {
      bufferBytes: reader.need('publishBufferBytes'),
      topicBufferBytes: reader.need('publishTopicBufferBytes'),
      appendTimeoutMs: reader.need('appendTimeoutMs'),
    },
    file,
    given: reader.all(),
  };
  if (config.publish.topicBufferBytes > config.publish.bufferBytes) {
    throw new ConfigError(
      'publishTopicBufferBytes: one topic cannot have more buffer than all together, publishBufferBytes',
    );
  }
  return config;
}

class Reader {
  readonly #sources: readonly GivenSettings[];
  readonly #cwd: string;

  constructor(sources: readonly GivenSettings[], cwd: string) {
    this.#sources = sources;
    this.#cwd = cwd;
  }

  given(name: SettingName): Given | undefined {
    return this.#sources.map((source) => source.get(name)).find((found) => found !== undefined);
  }

  /** Checked; the default where nobody gave one. */
  value<K extends SettingName>(name: K): Values[K] {
    // One table holds settings of several types, and its lookup by a generic name loses which: here it is put back.
    const setting = settings[name] as Setting<NonNullable<Values[K]>>;
    const given = this.given(name);
    if (given === undefined) return setting.default;
    const parsed = setting.schema.safeParse(setting.read(given.value));
    if (parsed.success) return parsed.data;
    throw new ConfigError(`${given.label}: expected ${setting.expects}; found ${JSON.stringify(given.value)}`);
  }

  need<K extends SettingName>(name: K): NonNullable<Values[K]> {
    const value = this.value(name);
    if (value === undefined || value === null) throw new ConfigError(`${name} is missing`);
    return value;
  }

  path(name: 'schemas' | 'tlsCert' | 'tlsKey'): string | undefined {
    const value = this.value(name);
    return value === undefined ? undefined : resolve(this.#base(name), value);
  }

  needPath(name: 'schemas'): string {
    return this.path(name) ?? resolve(this.#cwd, this.need(name));
  }

  /** Both embedded drivers live in one directory, under one lock. */
  targets(): { readonly log: LogTarget; readonly coordination: CoordinationTarget } {
    const log = parseLogTarget(this.#label('log'), this.need('log'), this.#base('log'));
    const url = this.value('coordination');
    const coordination =
      url === undefined
        ? log.driver === 'embedded'
          ? log
          : parseCoordinationTarget('coordination', 'embedded:./data', this.#cwd)
        : parseCoordinationTarget(this.#label('coordination'), url, this.#base('coordination'));
    if (log.driver === 'embedded' && coordination.driver === 'embedded' && log.directory !== coordination.directory) {
      throw new ConfigError(
        `log and coordination are both embedded and share one directory; given: ${log.directory} and ${coordination.directory}`,
      );
    }
    return { log, coordination };
  }

  tls(): Config['tls'] {
    const cert = this.path('tlsCert');
    const key = this.path('tlsKey');
    if (cert !== undefined && key !== undefined) return { cert, key };
    if (cert === undefined && key === undefined) return undefined;
    throw new ConfigError(
      `TLS needs both --tls-cert and --tls-key; only ${cert === undefined ? 'the key' : 'the certificate'} is given`,
    );
  }

  all(): Config['given'] {
    const entries = settingNames.map((name) => [
      name,
      { value: this.value(name), source: this.given(name)?.source ?? 'default' },
    ]);
    // Object.fromEntries forgets which names there are; they are all the settings' names.
    return Object.fromEntries(entries) as Config['given'];
  }

  #label(name: SettingName): string {
    return this.given(name)?.label ?? name;
  }

  #base(name: SettingName): string {
    return this.given(name)?.base ?? this.#cwd;
  }
}

function checkHost(host: string, insecureListen: boolean): void {
  if (isLoopback(host) || insecureListen) return;
  throw new ConfigError(
    `host: ${host} can be reached from other machines, and there is no access control yet. ` +
      `If that is what you want, say so with --insecure-listen or ${variableOf('insecureListen')}=true.`,
  );
}

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1' || host === '[::1]') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
