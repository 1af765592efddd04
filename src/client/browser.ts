/** The client for browsers, and for whatever else has `fetch`: `createMainstemClient({ address })`. All but `publishBatches`, which needs HTTP/2. */

import { createConnectTransport } from '@connectrpc/connect-web';
import { clientOn, type MainstemClient } from './client.js';
import { normalizeAddress } from './connection.js';

export * from './exports.js';

export interface BrowserConnectionOptions {
  /** The server; default: where the page came from. */
  readonly address?: string | undefined;
  /** Milliseconds until a call that is not a stream fails as DEADLINE_EXCEEDED. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** In place of the global `fetch`: to add credentials, for instance. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

export type BrowserClient = Omit<MainstemClient, 'publishBatches'>;

/** Connects with the first call. Throws a TypeError for an address that is none. */
export function createMainstemClient(options: BrowserConnectionOptions = {}): BrowserClient {
  const address = normalizeAddress(options.address ?? pageOrigin());
  const closed = new AbortController();
  const fetchWith = options.fetch ?? globalThis.fetch;
  const transport = createConnectTransport({
    baseUrl: address,
    useBinaryFormat: true,
    fetch: (input, init) => {
      const signal = init?.signal ? AbortSignal.any([init.signal, closed.signal]) : closed.signal;
      return fetchWith(input, { ...init, signal });
    },
  });
  const { publishBatches: _needsHttp2, ...client } = clientOn(
    { address, transport, close: () => closed.abort() },
    options.timeoutMs,
  );
  return client;
}

/** Empty where there is no page, as in a worker of Node. */
function pageOrigin(): string {
  const location: unknown = Reflect.get(globalThis, 'location');
  const origin: unknown =
    typeof location === 'object' && location !== null ? Reflect.get(location, 'origin') : undefined;
  return typeof origin === 'string' ? origin : '';
}
