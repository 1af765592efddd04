import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { steadyPort } from '../support/ports.js';
import { until } from '../support/wait.js';

const version = '2.12.0';
const folder = join(import.meta.dirname, '../../.cache/go-bin');

/** A link to a server, that a test may make bad. */
export interface Link {
  /** `127.0.0.1:port`: connect here instead. */
  readonly address: string;
  /** Breaks all connections, and refuses new ones. */
  refuse(): Promise<void>;
  /** Swallows what is sent, in both directions; connections stay, and new ones are taken. They break with `heal`. */
  swallow(): Promise<void>;
  /** Each chunk is late by so much, ± the jitter, in both directions. */
  delay(latencyMs: number, jitterMs: number): Promise<void>;
  /** Resets connections this long after they are made. */
  reset(afterMs: number): Promise<void>;
  /** As if nothing had been. */
  heal(): Promise<void>;
}

export interface Toxiproxy {
  proxy(name: string, target: string): Promise<Link>;
  stop(): Promise<void>;
}

/** Starts a toxiproxy. It dies with this process. */
export async function startToxiproxy(): Promise<Toxiproxy> {
  const binary = await ensureToxiproxy();
  const port = await steadyPort();
  const script = '"$0" -host 127.0.0.1 -port "$1" >/dev/null 2>&1 & server=$!; cat >/dev/null; kill -9 "$server"';
  const child = spawn('sh', ['-c', script, binary, String(port)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const gone = once(child, 'exit');
  const api = `http://127.0.0.1:${port}`;

  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${api}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`toxiproxy: ${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  await until(async () => (await fetch(`${api}/version`)).ok, { what: 'toxiproxy to answer' });
  return {
    async proxy(name, target) {
      const listen = `127.0.0.1:${await steadyPort()}`;
      const path = `/proxies/${name}`;
      await call('POST', '/proxies', { name, listen, upstream: target, enabled: true });
      const toxics = new Set<string>();
      const poison = async (type: string, attributes: object) => {
        for (const stream of ['upstream', 'downstream']) {
          toxics.add(`${type}-${stream}`);
          await call('POST', `${path}/toxics`, { name: `${type}-${stream}`, type, stream, attributes });
        }
      };
      return {
        address: listen,
        refuse: async () => void (await call('POST', path, { enabled: false })),
        swallow: () => poison('timeout', { timeout: 0 }),
        delay: (latency, jitter) => poison('latency', { latency, jitter }),
        reset: (timeout) => poison('reset_peer', { timeout }),
        async heal() {
          for (const toxic of toxics) await call('DELETE', `${path}/toxics/${toxic}`);
          toxics.clear();
          await call('POST', path, { enabled: true });
        },
      };
    },
    async stop() {
      child.stdin?.end();
      await gone;
    },
  };
}

/** Where it is; builds it first where it is missing (half a minute, more if busy; needs go). */
export async function ensureToxiproxy(): Promise<string> {
  const binary = join(folder, `toxiproxy-server-${version}`);
  if (existsSync(binary)) return binary;
  await mkdir(folder, { recursive: true });
  const scratch = await mkdtemp(join(folder, '.building-'));
  try {
    const module = `github.com/Shopify/toxiproxy/v2/cmd/server@v${version}`;
    await promisify(execFile)('go', ['install', module], { env: { ...process.env, GOBIN: scratch }, timeout: 300_000 });
    // Complete or not at all: several processes may ask at once.
    await rename(join(scratch, 'server'), binary);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return binary;
}
