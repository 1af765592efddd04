import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, describeConfig, loadConfig, maskConfig, readTopicFiles } from '../../src/config/index.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';
import { kafkaClients } from '../../src/drivers/kafka/index.js';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'mainstem-config-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

function write(path: string, content: unknown): string {
  const file = join(cwd, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const load = (flags: Record<string, unknown> = {}, env: Record<string, string> = {}) => loadConfig({ flags, env, cwd });

function failure(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'no error';
}

describe('loading', () => {
  it('has defaults that run without anything installed', () => {
    const embedded = { driver: 'embedded', directory: join(cwd, 'data') };
    expect(load()).toMatchObject({
      log: embedded,
      coordination: embedded,
      host: '127.0.0.1',
      port: 8080,
      role: 'all',
      schemas: { directory: join(cwd, 'schemas'), required: false },
      tls: undefined,
      coordinationGraceMs: 900_000,
      maxDataBytes: undefined,
    });
  });

  it('prefers flags to the environment to the file to the defaults, and tells which it was', () => {
    write('etc/bus.json', { port: 1, role: 'input', logLevel: 'warn', shutdownGraceMs: '3s', log: 'embedded:./here' });
    const config = load(
      { port: '3', config: 'etc/bus.json' },
      { MAINSTEM_PORT: '2', MAINSTEM_ROLE: 'output', MAINSTEM_HOST: '' },
    );
    expect(config).toMatchObject({
      port: 3,
      role: 'output',
      logLevel: 'warn',
      shutdownGraceMs: 3_000,
      host: '127.0.0.1',
    });
    expect(config.log).toEqual({ driver: 'embedded', directory: join(cwd, 'etc/here') });
    expect(config.coordination).toEqual(config.log);
    const sources = Object.fromEntries(maskConfig(config).map(({ name, source }) => [name, source]));
    expect(sources).toMatchObject({ port: 'flag', role: 'env', logLevel: 'file', heartbeatMs: 'default' });
  });

  it('knows the Kafka clients that there are', () => {
    expect(load().kafkaClient).toBe('kafkajs');
    expect(load({}, { MAINSTEM_KAFKA_CLIENT: 'platformatic' }).kafkaClient).toBe('platformatic');
    expect(failure(() => load({ kafkaClient: 'rdkafka' }))).toBe(
      '--kafka-client: expected kafkajs, platformatic; found "rdkafka"',
    );
    for (const client of kafkaClients) expect(load({ kafkaClient: client }).kafkaClient).toBe(client);
  });

  it('understands sizes, durations and switches', () => {
    const config = load(
      { insecureListen: true, host: '0.0.0.0', maxDataBytes: '2GiB' },
      { MAINSTEM_HEARTBEAT_MS: '15s', MAINSTEM_PUBLISH_BUFFER_BYTES: '128MiB' },
    );
    expect(config).toMatchObject({
      insecureListen: true,
      maxDataBytes: 2 ** 31,
      heartbeatMs: 15_000,
      publish: { bufferBytes: 2 ** 27 },
    });
  });

  it('takes origins for web pages, as browsers name them', () => {
    expect(load().corsOrigins).toBeUndefined();
    const some = ['https://app.example.org', 'http://localhost:3000'];
    expect(load({ corsOrigins: some.join(', ') }).corsOrigins).toEqual(some);
    expect(load({}, { MAINSTEM_CORS_ORIGINS: '*' }).corsOrigins).toEqual(['*']);
    for (const wrong of [
      'app.example.org',
      'https://app.example.org/',
      'https://a.example,',
      'HTTPS://a.example',
      'null',
    ]) {
      expect(
        failure(() => load({ corsOrigins: wrong })),
        wrong,
      ).toContain('--cors-origins: expected origins such as');
    }
  });

  it.each<[string, Record<string, unknown>, Record<string, string>, string]>([
    ['a value', { port: 'x' }, {}, '--port: expected a whole number from 0 to 65535; found "x"'],
    ['a range', {}, { MAINSTEM_PORT: '70000' }, 'MAINSTEM_PORT: expected a whole number from 0 to 65535'],
    ['a unit', {}, { MAINSTEM_HEARTBEAT_MS: '10 parsecs' }, 'a duration such as 10s'],
    ['a choice', { role: 'both' }, {}, '--role: expected all, input, output'],
    ['an unknown variable', {}, { MAINSTEM_PROT: '1' }, 'MAINSTEM_PROT. Did you mean MAINSTEM_PORT'],
    ['an unknown flag', { tlsCrt: 'x' }, {}, '--tls-crt. Did you mean --tls-cert'],
    ['an open address', { host: '0.0.0.0' }, {}, '--insecure-listen'],
    ['half of TLS', { tlsKey: 'k' }, {}, 'both --tls-cert and --tls-key'],
    ['two directories', { coordination: 'embedded:./other' }, {}, 'share one directory'],
    ['a file that is not there', { config: 'none.json' }, {}, 'none.json cannot be read'],
  ])('refuses %s', (_name, flags, env, message) => {
    expect(failure(() => load(flags, env))).toContain(message);
  });

  it('leaves the variables of the client and of the tests alone', () => {
    expect(load({}, { MAINSTEM_ADDRESS: 'http://x', MAINSTEM_TEST_KAFKA: 'y' }).port).toBe(8080);
  });

  it('says what is wrong in a file, and where', () => {
    write('bad.json', '{\n  "port": 1,\n}');
    expect(failure(() => load({ config: 'bad.json' }))).toMatch(/bad\.json is not JSON: line 3, column 1/);
    write('typo.json', { prot: 1 });
    expect(failure(() => load({}, { MAINSTEM_CONFIG: 'typo.json' }))).toMatch(
      /typo\.json: there is no setting "prot"\. Did you mean port/,
    );
    write('list.json', []);
    expect(failure(() => load({ config: 'list.json' }))).toContain('a JSON object');
  });
});

describe('addresses', () => {
  it('of Kafka and ZooKeeper', () => {
    const { log, coordination } = load({ log: 'kafka://a:9093,b', coordination: 'zookeeper://[::1]:2182,z/bus/one' });
    expect(log).toEqual({ driver: 'kafka', brokers: ['a:9093', 'b:9092'] });
    expect(coordination).toEqual({ driver: 'zookeeper', servers: ['[::1]:2182', 'z:2181'], chroot: '/bus/one' });
    expect(load({ log: 'kafka://a' }).coordination).toEqual({ driver: 'embedded', directory: join(cwd, 'data') });
  });

  it.each([
    ['kafka:/localhost:9092', 'write kafka://localhost:9092'],
    ['kafka:', 'write kafka://localhost:9092'],
    ['localhost:9092', 'does not name a driver'],
    ['http://localhost', 'no driver "http"'],
    ['kafka://a:x', '"a:x" is not a host and port'],
    ['kafka://a,,b', 'a host is missing'],
    ['kafka://a/topic', 'no path'],
    ['embedded:', 'embedded:./data'],
    ['embedded://data', 'without slashes'],
    ['kafka://user:secret@a', 'not supported'],
  ])('refuses %s', (log, message) => {
    const text = failure(() => load({ log }));
    expect(text).toContain(message);
    expect(text).not.toContain('secret');
  });

  it('refuses a chroot that is none', () => {
    for (const chroot of ['/a//b', '/a/', '/../x']) {
      expect(failure(() => load({ log: 'kafka://a', coordination: `zookeeper://z${chroot}` }))).toContain('chroot');
    }
  });
});

it('describes every setting', () => {
  const port = describeConfig().find(({ name }) => name === 'port');
  expect(port).toMatchObject({ flag: '--port', variable: 'MAINSTEM_PORT', default: '8080', isSwitch: false });
  for (const { description, expects } of describeConfig())
    expect(description.length * expects.length).toBeGreaterThan(0);
});

describe('topic files', () => {
  const read = () => readTopicFiles(join(cwd, 'topics'));

  it('become what apply takes', () => {
    const people = {
      allowAnything: true,
      partitions: 4,
      retention: '7d',
      maxEventBytes: '64KiB',
      keyPointer: '/id',
      dedupeWindow: '1h',
    };
    write('topics/people/topic.json', people);
    for (let version = 1; version <= 10; version++) write(`topics/people/${version}.json`, `{"title":"${version}"}\n`);
    write('topics/clicks/topic.json', { schemaless: true });
    write('topics/README.md', 'passed over');
    write('topics/.git/config', 'passed over');
    symlinkSync(join(cwd, 'topics/clicks'), join(cwd, 'topics/linked'));
    const [clicks, linked, found] = read();
    expect(clicks).toEqual({ name: 'clicks', settings: { schemaless: true }, schemas: [], allowAnything: false });
    expect(linked?.settings).toEqual({ schemaless: true });
    expect(found?.allowAnything).toBe(true);
    expect(found?.settings).toEqual({
      partitions: 4,
      retentionMs: 604_800_000,
      maxEventBytes: 65_536,
      keyPointer: '/id',
      dedupeWindowMs: 3_600_000,
    });
    expect(found?.schemas.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(found?.schemas[1]?.definition).toBe('{"title":"2"}\n');
  });

  it.each<[string, Record<string, unknown>, string]>([
    [
      'an unknown setting',
      { 'topic.json': { partition: 1 }, '1.json': {} },
      'topic.json: there is no setting "partition". Did you mean partitions',
    ],
    ['a value', { 'topic.json': { retention: 'long' }, '1.json': {} }, '"retention": expected milliseconds'],
    [
      'a range',
      { 'topic.json': { partitions: 5_000 }, '1.json': {} },
      'topic.json: partitions: 5000 is not a whole number from 1 to 1000',
    ],
    ['one setting twice', { 'topic.json': { retention: '7d', retentionMs: 1 }, '1.json': {} }, 'given twice'],
    ['a hole', { '1.json': {}, '3.json': {} }, 'schema version 2 is missing'],
    ['no schema', { 'topic.json': {} }, 'a schema (1.json) is missing'],
    ['a schema too many', { 'topic.json': { schemaless: true }, '1.json': {} }, 'leave one of the two out'],
    ['another file', { '1.json': {}, 'v2.json': {} }, 'v2.json: expected topic.json, or a schema version'],
    ['broken JSON', { '1.json': '{\n"a": 1\n"b": 2}' }, '1.json is not JSON: line 3, column 1'],
  ])('refuse %s', (_name, files, message) => {
    for (const [file, content] of Object.entries(files)) write(`topics/orders/${file}`, content);
    expect(failure(read)).toContain(message);
    expect(failure(read)).toContain('orders');
  });

  it('refuse a name that is no topic, and a directory that is not there', () => {
    expect(failure(read)).toContain('cannot be read');
    write('topics/a b/1.json', {});
    expect(failure(read)).toContain('contains " "');
  });

  it('of this repository hold the example', () => {
    const people = readTopicFiles('schemas').find(({ name }) => name === 'people');
    expect(people?.settings.partitions).toBe(1);
    const schema = createSchemaCompiler().compile(people?.schemas[0]?.definition ?? '');
    expect(schema.accepts({ firstName: 'John', lastName: 'Doe', age: 21 })).toBe(true);
    expect(schema.explain({ firstName: 'John', lastName: 'Doe', age: -1 }, 10).violations).toMatchObject([
      { pointer: '/age', rule: 'minimum', message: 'must be >= 0' },
    ]);
  });
});
