import { clientOn, type MainstemClient } from './client.js';
import { type ConnectionOptions, openConnection } from './transport.js';

/** Connects with the first call, one HTTP/2 connection for all calls. Throws a TypeError for an address that is none. */
export function createMainstemClient(options: ConnectionOptions): MainstemClient {
  return clientOn(openConnection(options), options.timeoutMs);
}
