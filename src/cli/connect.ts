import { createMainstemClient, type MainstemClient, type Protocol } from '../client/index.js';
import type { Io } from './io.js';
import { UsageError } from './usage-error.js';

export const defaultAddress = 'http://127.0.0.1:8080';

/** Options that every command has. */
export interface GlobalOptions {
  readonly address?: string;
}

/** Runs `work` with a client for the chosen server, and closes it. */
export async function withClient<T>(
  io: Io,
  globals: GlobalOptions,
  protocol: Protocol,
  work: (client: MainstemClient) => Promise<T>,
): Promise<T> {
  const client = openClient(io, globals, protocol);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

function openClient(io: Io, globals: GlobalOptions, protocol: Protocol): MainstemClient {
  try {
    return createMainstemClient({
      address: globals.address ?? (io.env['MAINSTEM_ADDRESS'] || defaultAddress),
      protocol,
    });
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}
