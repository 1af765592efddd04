import { z } from 'zod';
import { parseBytes, parseDuration } from '../core/topics/units.js';

/** One thing that can be configured, in one place: what it is for, in `--help`, and what it may be. */
export interface Setting<T> {
  readonly description: string;
  /** As a flag, a variable or a file may have it: the text or JSON value as its final value. Undefined: it is not one. */
  readonly read: (value: unknown) => unknown;
  readonly schema: z.ZodType<T>;
  /** What it may be, in words. */
  readonly expects: string;
  readonly unit?: string;
  readonly default: T | undefined;
  /** In words, where the default is not a value. */
  readonly defaultText?: string;
}

const minute = 60_000;
const MiB = 1024 ** 2;

/** All settings by name. The flag is the name with hyphens, the variable `MAINSTEM_` and the name with underscores. */
export const settings = {
  log: text('Where events are kept: embedded:DIR or kafka://host:9092,host2:9092.', 'embedded:./data'),
  coordination: {
    ...text('Where topics and positions are kept: embedded:DIR or zookeeper://host:2181,host2:2181/chroot.', undefined),
    defaultText: "the log's directory if it is embedded, otherwise embedded:./data",
  },
  kafkaClient: choice('The library that carries the connections to Kafka: kafkajs, or platformatic.', 'kafkajs', [
    'kafkajs',
    'platformatic',
  ]),
  host: text('The address to listen on. Others than loopback need insecureListen.', '127.0.0.1'),
  port: integer('The port to listen on; 0 takes any free one.', 8080, 0, 65_535),
  insecureListen: flag('Listen on an address that others can reach, although there is no access control.', false),
  role: choice('Which services to offer: input takes events, output streams them.', 'all', ['all', 'input', 'output']),
  corsOrigins: {
    ...origins('Origins whose web pages may call the bus, separated by commas: https://app.example.org, or * for all.'),
    defaultText: 'none',
  },
  schemas: text('Directory of topics and schemas that are applied at start, if it exists.', './schemas'),
  tlsCert: text('PEM file with the certificate chain; together with tlsKey.', undefined),
  tlsKey: text('PEM file with the private key; together with tlsCert.', undefined),
  zookeeperSessionTimeoutMs: duration(
    'After this long without contact ZooKeeper ends the session.',
    6_000,
    2_000,
    2 * minute,
  ),
  coordinationGraceMs: duration(
    'How long known topics are served while coordination is away.',
    15 * minute,
    0,
    1_440 * minute,
  ),
  heartbeatMs: duration(
    'The longest silence on a stream, where the subscriber does not choose.',
    10_000,
    1_000,
    minute,
  ),
  subscriberExpiryMs: {
    ...duration(
      'Forget subscribers that have been without streams and commits for so long.',
      undefined,
      minute,
      36_500 * 1_440 * minute,
    ),
    defaultText: 'never',
  },
  shutdownGraceMs: duration('How long calls may go on after SIGTERM.', 10_000, 0, 10 * minute),
  logLevel: choice('How much is logged.', 'info', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
  maxDataBytes: bytes(
    'How large the embedded data file may become; then publishing fails with STORAGE_FULL.',
    undefined,
    16 * MiB,
    2 ** 46,
  ),
  publishBufferBytes: bytes(
    'Events that wait for the log, in this process; then OVERLOADED.',
    64 * MiB,
    8 * MiB,
    2 ** 34,
  ),
  publishTopicBufferBytes: bytes('The same for one topic.', 32 * MiB, 8 * MiB, 2 ** 34),
  appendTimeoutMs: duration(
    'How long storing events in Kafka is tried while it does not answer; a call with a deadline is answered before that.',
    15_000,
    1_000,
    10 * minute,
  ),
} as const satisfies Readonly<
  Record<string, Setting<never> | Setting<string> | Setting<number> | Setting<boolean> | Setting<string[]>>
>;

export type SettingName = keyof typeof settings;
type ValueOf<S> = S extends { readonly schema: z.ZodType<infer T> } ? T : never;

/** The value of each setting; undefined where there is neither a value nor a default. */
export type Values = { readonly [K in SettingName]: ValueOf<(typeof settings)[K]> | undefined };

export const settingNames = Object.keys(settings).filter(isSettingName);

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settings, name);
}

export const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
export const variableOf = (name: string): string =>
  `MAINSTEM_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

function text(description: string, fallback: string | undefined): Setting<string> {
  return { description, read: (value) => value, schema: z.string().min(1), expects: 'a text', default: fallback };
}

function origins(description: string): Setting<string[]> {
  return {
    description,
    read: (value) => (typeof value === 'string' ? value.split(',').map((each) => each.trim()) : value),
    schema: z.array(z.string().refine(isOrigin)).min(1),
    expects: 'origins such as https://app.example.org (scheme, host and port, nothing after them), or *',
    default: undefined,
  };
}

/** As browsers send it: compared character by character. */
function isOrigin(text: string): boolean {
  if (text === '*') return true;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.origin === text;
}

function flag(description: string, fallback: boolean): Setting<boolean> {
  const read = (value: unknown) =>
    value === 'true' || value === '1' ? true : value === 'false' || value === '0' ? false : value;
  return { description, read, schema: z.boolean(), expects: 'true or false', default: fallback };
}

function choice<const T extends string>(description: string, fallback: T, values: readonly T[]): Setting<T> {
  return { description, read: (value) => value, schema: z.enum(values), expects: values.join(', '), default: fallback };
}

function integer(description: string, fallback: number, from: number, to: number): Setting<number> {
  return {
    description,
    read: (value) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value),
    schema: z.int().min(from).max(to),
    expects: `a whole number from ${from} to ${to}`,
    default: fallback,
  };
}

function duration(description: string, fallback: number | undefined, from: number, to: number): Setting<number> {
  return {
    description,
    read: parseDuration,
    schema: z.int().min(from).max(to),
    expects: `milliseconds from ${from} to ${to}, or a duration such as 10s or 15m`,
    unit: 'ms',
    default: fallback,
  };
}

function bytes(description: string, fallback: number | undefined, from: number, to: number): Setting<number> {
  return {
    description,
    read: parseBytes,
    schema: z.int().min(from).max(to),
    expects: `bytes from ${from} to ${to}, or a size such as 64MiB`,
    unit: 'bytes',
    default: fallback,
  };
}
