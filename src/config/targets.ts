import { resolve } from 'node:path';
import { ConfigError } from './errors.js';

/** Where events are kept. */
export type LogTarget = EmbeddedTarget | { readonly driver: 'kafka'; readonly brokers: readonly string[] };

/** Where topics, offsets and sessions are kept. */
export type CoordinationTarget =
  | EmbeddedTarget
  | {
      readonly driver: 'zookeeper';
      readonly servers: readonly string[];
      /** Starts with `/`; empty: the root. */
      readonly chroot: string;
    };

export interface EmbeddedTarget {
  readonly driver: 'embedded';
  /** Absolute. */
  readonly directory: string;
}

/** Parses `embedded:./data` or `kafka://host:9092,host2:9092`. Relative directories start from `base`. */
export function parseLogTarget(name: string, url: string, base: string): LogTarget {
  const embedded = parseEmbedded(name, url, base);
  if (embedded !== undefined) return embedded;
  const { servers, path } = parseServers(name, url, 'kafka', 9092, 'embedded:./data or kafka://host:9092,host2:9092');
  if (path !== '' && path !== '/')
    throw wrong(name, url, `a Kafka address has no path; leave ${JSON.stringify(path)} out`);
  return { driver: 'kafka', brokers: servers };
}

/** Parses `embedded:./data` or `zookeeper://host:2181,host2:2181/chroot`. Relative directories start from `base`. */
export function parseCoordinationTarget(name: string, url: string, base: string): CoordinationTarget {
  const embedded = parseEmbedded(name, url, base);
  if (embedded !== undefined) return embedded;
  const { servers, path } = parseServers(
    name,
    url,
    'zookeeper',
    2181,
    'embedded:./data or zookeeper://host:2181,host2:2181/chroot',
  );
  const chroot = path === '/' ? '' : path;
  if (chroot !== '' && !/^(\/[A-Za-z0-9._-]+)+$/.test(chroot)) {
    throw wrong(
      name,
      url,
      `the chroot ${JSON.stringify(chroot)} is not a path such as /mainstem (letters, digits, ".", "_", "-")`,
    );
  }
  if (chroot.split('/').some((part) => part === '.' || part === '..'))
    throw wrong(name, url, 'the chroot must not contain . or ..');
  return { driver: 'zookeeper', servers, chroot };
}

/** The URL without user names and passwords. */
export function maskUrl(url: string): string {
  return url.replace(/^([a-z]+:\/*)[^/]*@/i, '$1***@');
}

function parseEmbedded(name: string, url: string, base: string): EmbeddedTarget | undefined {
  if (!url.startsWith('embedded:')) return undefined;
  const directory = url.slice('embedded:'.length);
  if (directory === '') throw wrong(name, url, 'the directory is missing; write embedded:./data');
  if (directory.startsWith('//'))
    throw wrong(name, url, `write embedded:${directory.slice(2) || './data'}, without slashes in front`);
  return { driver: 'embedded', directory: resolve(base, directory) };
}

function parseServers(name: string, url: string, driver: string, defaultPort: number, forms: string) {
  const prefix = `${driver}://`;
  if (!url.startsWith(prefix)) {
    const other = /^([A-Za-z][A-Za-z0-9+.-]*):(?!\d+(,|$))\/*/.exec(url);
    if (other?.[1]?.toLowerCase() === driver) {
      throw wrong(
        name,
        url,
        `write ${prefix}${url.slice(other[0].length) || `localhost:${defaultPort}`}, with two slashes`,
      );
    }
    if (other !== null) throw wrong(name, url, `there is no driver ${JSON.stringify(other[1])} for it; write ${forms}`);
    throw wrong(name, url, `it does not name a driver; write ${forms}`);
  }
  const rest = url.slice(prefix.length);
  const slash = rest.indexOf('/');
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  if (authority.includes('@')) throw wrong(name, url, 'user name and password are not supported; leave them out');
  const servers = authority.split(',').map((server) => parseServer(name, url, server.trim(), defaultPort));
  return { servers, path: slash < 0 ? '' : rest.slice(slash) };
}

function parseServer(name: string, url: string, server: string, defaultPort: number): string {
  if (server === '') throw wrong(name, url, 'a host is missing');
  const [, host, port = String(defaultPort)] =
    /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(server) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw wrong(name, url, `${JSON.stringify(server)} is not a host and port, such as localhost:${defaultPort}`);
  }
  return `${host}:${port}`;
}

function wrong(name: string, url: string, what: string): ConfigError {
  return new ConfigError(`${name}: ${JSON.stringify(maskUrl(url))}: ${maskUrl(what)}`);
}
