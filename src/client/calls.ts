import type { CallOptions as ConnectCallOptions, Transport } from '@connectrpc/connect';
import type { Connection } from './connection.js';
import { MainstemError } from './errors.js';

export interface CallOptions {
  /** Ends the call; it then fails with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, in place of the client's. Streams have none unless it is given here. */
  readonly timeoutMs?: number | undefined;
}

/** What the groups of calls share: one connection, one way to time out, one kind of error. */
export interface Calls {
  readonly address: string;
  readonly transport: Transport;
  unary<T>(options: CallOptions | undefined, call: (connect: ConnectCallOptions) => Promise<T>): Promise<T>;
  streamOptions(options: CallOptions | undefined): ConnectCallOptions;
}

export function createCalls(connection: Connection, timeoutMs: number): Calls {
  const toConnect = (options: CallOptions | undefined, fallback: number | undefined): ConnectCallOptions => {
    const limit = options?.timeoutMs ?? fallback;
    return {
      ...(options?.signal === undefined ? {} : { signal: options.signal }),
      ...(limit === undefined ? {} : { timeoutMs: limit }),
    };
  };
  return {
    address: connection.address,
    transport: connection.transport,
    async unary(options, call) {
      try {
        return await call(toConnect(options, timeoutMs));
      } catch (error) {
        if (error instanceof TypeError) throw error;
        throw MainstemError.from(error, connection.address);
      }
    },
    streamOptions: (options) => toConnect(options, undefined),
  };
}

/** A stream whose errors are MainstemErrors, and which ends on the server when the caller leaves its loop: connect's own would run on. */
export async function* guardStream<T>(
  calls: Calls,
  options: CallOptions | undefined,
  open: (connect: ConnectCallOptions) => AsyncIterable<T>,
): AsyncIterable<T> {
  const left = new AbortController();
  const signal = options?.signal === undefined ? left.signal : AbortSignal.any([options.signal, left.signal]);
  try {
    yield* open(calls.streamOptions({ ...options, signal }));
  } catch (error) {
    if (error instanceof TypeError) throw error;
    throw MainstemError.from(error, calls.address);
  } finally {
    left.abort();
  }
}
