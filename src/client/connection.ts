import type { Transport } from '@connectrpc/connect';

export interface Connection {
  readonly address: string;
  readonly transport: Transport;
  /** Ends the connection and all calls on it. */
  close(): void;
}

/** The largest answer that is read: above the 8 MiB that one record may have, with its headers. */
export const readMaxBytes = 16 * 1024 * 1024;

/** An address as a URL origin with path; throws a TypeError that says what an address looks like. */
export function normalizeAddress(address: string): string {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `http://${address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '' || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TypeError(`the address ${JSON.stringify(address)} is not a URL such as http://127.0.0.1:8080`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
