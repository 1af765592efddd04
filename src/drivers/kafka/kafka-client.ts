import { type ConnectLink, type KafkaLink, LinkFailure, type RawRequest } from './kafka-link.js';
import type { ChosenRequest, KafkaRequest, NodeAddress } from './protocol/requests.js';

/**
 * What a connection is for. A broker answers one connection's requests one after the other, so that purposes that must not wait for each other
 * have their own: `produce-0` … `produce-3` share the partitions among them, as each append waits for all replicas.
 */
export type Lane = 'control' | 'metadata' | 'tail' | 'reads' | `produce-${number}`;

type AnyRequest<T> = KafkaRequest<T> | ChosenRequest<T>;

/** Requests to the brokers of one cluster. */
export interface KafkaClient {
  /**
   * Asks a node by its id, or one that answers: `any` tries them one after the other; `fastest`, for what may be asked twice, does not wait long for
   * one that is silent. Throws LinkFailure; for `any` and `fastest` only after all were tried.
   *
   * @param isWanted asked once there is a connection, right before the request is written: `false` fails it as not sent
   */
  ask<T>(
    node: number | 'any' | 'fastest',
    lane: Lane,
    request: AnyRequest<T>,
    timeoutMs: number,
    isWanted?: () => boolean,
  ): Promise<T>;
  /** The cluster's nodes, as its metadata tells. */
  learn(nodes: readonly NodeAddress[]): void;
  nodes(): readonly NodeAddress[];
  /** Calls back after a request that got no answer. */
  onFailure(listener: () => void): void;
  close(): void;
}

export interface KafkaClientOptions {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Default 3,000. */
  readonly connectTimeoutMs?: number | undefined;
}

export function createKafkaClient(options: KafkaClientOptions, connect: ConnectLink): KafkaClient {
  const seeds = options.brokers.map(parseAddress);
  const links = new Map<string, Promise<KafkaLink>>();
  const linkOptions = { clientId: options.clientId, connectTimeoutMs: options.connectTimeoutMs ?? 3000 };
  let known: readonly NodeAddress[] = [];
  let failed: () => void = () => undefined;
  let closed = false;
  let preferred = 0;

  async function linkTo(address: Address, lane: Lane): Promise<KafkaLink> {
    if (closed) throw new LinkFailure('the Kafka client is closed', false);
    const key = `${address.host}:${address.port}/${lane}`;
    const existing = links.get(key);
    if (existing !== undefined) {
      const link = await existing;
      if (link.isOpen()) return link;
      if (links.get(key) === existing) links.delete(key);
      return linkTo(address, lane);
    }
    const connecting = connect(address.host, address.port, linkOptions);
    links.set(key, connecting);
    try {
      const link = await connecting;
      if (closed) link.destroy(givenUp);
      return link;
    } catch (error) {
      if (links.get(key) === connecting) links.delete(key);
      throw error;
    }
  }

  async function askAt<T>(
    address: Address,
    lane: Lane,
    asked: AnyRequest<T>,
    timeoutMs: number,
    isWanted?: () => boolean,
  ): Promise<T> {
    let link: KafkaLink | undefined;
    let name = 'a request';
    try {
      const open = await linkTo(address, lane);
      link = open;
      const request = typeof asked === 'function' ? asked((key, version) => open.supports(key, version)) : asked;
      name = request.name;
      if (!link.supports(request.apiKey, request.apiVersion)) {
        const { host, port } = address;
        throw new LinkFailure(`${host}:${port} does not support ${request.name} version ${request.apiVersion}`, false);
      }
      // Not awaited here: the broker has not failed.
      if (isWanted?.() === false)
        return Promise.reject(new LinkFailure(`${request.name} is not wanted any more`, false));
      return await request.decode(await answerOf(link, request, timeoutMs));
    } catch (error) {
      const failure =
        error instanceof LinkFailure
          ? error
          : new LinkFailure(`${name} got an answer that makes no sense`, true, { cause: error });
      // A connection that left a request without answer is not trusted with the next.
      if (failure.sent) link?.destroy(failure);
      if (!closed) failed();
      throw failure;
    }
  }

  const inOrder = () => [...known, ...seeds.filter((seed) => !known.some((node) => sameAddress(node, seed)))];

  async function askAny<T>(lane: Lane, request: AnyRequest<T>, timeoutMs: number): Promise<T> {
    const candidates: Address[] = inOrder();
    let last: unknown;
    for (let i = 0; i < candidates.length; i++) {
      const address = candidates[(preferred + i) % candidates.length];
      if (address === undefined) continue;
      try {
        const answer = await askAt(address, lane, request, timeoutMs);
        preferred = (preferred + i) % candidates.length;
        return answer;
      } catch (error) {
        last = error;
      }
    }
    throw last instanceof LinkFailure ? last : new LinkFailure('no broker is known', false);
  }

  function askFastest<T>(lane: Lane, request: AnyRequest<T>, timeoutMs: number): Promise<T> {
    const candidates: Address[] = inOrder();
    let begun = 0;
    let open = 0;
    let later: NodeJS.Timeout | undefined;
    return new Promise((resolve, reject) => {
      const next = () => {
        clearTimeout(later);
        const index = (preferred + begun) % candidates.length;
        const address = begun < candidates.length ? candidates[index] : undefined;
        if (address === undefined) return;
        begun += 1;
        open += 1;
        later = setTimeout(next, silentMs);
        askAt(address, lane, request, timeoutMs).then(
          (answer) => {
            clearTimeout(later);
            begun = candidates.length;
            preferred = index;
            resolve(answer);
          },
          (error: unknown) => {
            open -= 1;
            next();
            if (open === 0) reject(error);
          },
        );
      };
      next();
    });
  }

  return {
    ask: async (node, lane, request, timeoutMs, isWanted) => {
      if (node === 'fastest') return askFastest(lane, request, timeoutMs);
      if (node === 'any') return askAny(lane, request, timeoutMs);
      const address = known.find((one) => one.id === node);
      if (address === undefined) throw new LinkFailure(`broker ${node} is not known`, false);
      return askAt(address, lane, request, timeoutMs, isWanted);
    },
    learn: (nodes) => {
      if (nodes.length === 0) return;
      known = nodes;
      const current = new Set([...known, ...seeds].map(({ host, port }) => `${host}:${port}`));
      for (const [key, link] of links) {
        if (current.has(key.slice(0, key.lastIndexOf('/')))) continue;
        links.delete(key);
        link.then((open) => open.destroy(givenUp)).catch(() => undefined);
      }
    },
    nodes: () => known,
    onFailure: (listener) => {
      failed = listener;
    },
    close: () => {
      closed = true;
      for (const link of links.values()) link.then((open) => open.destroy(givenUp)).catch(() => undefined);
      links.clear();
    },
  };
}

/** After so long without an answer, which takes a millisecond or two, the next broker is asked as well. */
const silentMs = 300;
const givenUp = new Error('the connection was given up');

// A link that leaves a request without answer for too long is given up, with all that is under way on it.
async function answerOf(link: KafkaLink, request: RawRequest, timeoutMs: number): Promise<Buffer> {
  const late = setTimeout(() => link.destroy(new Error(`nothing within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await link.exchange(request);
  } finally {
    clearTimeout(late);
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
}

function sameAddress(a: Address, b: Address): boolean {
  return a.host === b.host && a.port === b.port;
}

/** `host:port` or `[v6]:port`; the port defaults to 9092. */
function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? 9092);
  if (host === undefined || port < 1 || port > 65_535)
    throw new TypeError(`not a broker's address (host:port): ${text}`);
  return { host, port };
}
