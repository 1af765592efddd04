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
  readonly transport: Transport;
  unary<T>(options: CallOptions | undefined, call: (connect: ConnectCallOptions) => Promise<T>): Promise<T>;
  streamOptions(options: CallOptions | undefined): ConnectCallOptions;
  /** What a call throws for what it has caught: wrong arguments as they are, all else as a MainstemError. */
  failure(thrown: unknown): TypeError | MainstemError;
  /** Ends the connection. What runs, and what is called from now on, fails with CLIENT_CLOSED. */
  close(): void;
}

export function createCalls(connection: Connection, timeoutMs: number): Calls {
  let closed = false;
  const failure = (thrown: unknown): TypeError | MainstemError => {
    if (thrown instanceof TypeError) return thrown;
    return closed && !(thrown instanceof MainstemError)
      ? clientClosed(thrown)
      : MainstemError.from(thrown, connection.address);
  };
  const toConnect = (options: CallOptions | undefined, fallback: number | undefined): ConnectCallOptions => {
    // The transports would connect again.
    if (closed) throw clientClosed();
    const limit = options?.timeoutMs ?? fallback;
    return {
      ...(options?.signal === undefined ? {} : { signal: options.signal }),
      ...(limit === undefined ? {} : { timeoutMs: limit }),
    };
  };
  return {
    transport: connection.transport,
    async unary(options, call) {
      try {
        return await call(toConnect(options, timeoutMs));
      } catch (thrown) {
        throw failure(thrown);
      }
    },
    streamOptions: (options) => toConnect(options, undefined),
    failure,
    close() {
      closed = true;
      connection.close();
    },
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
  } catch (thrown) {
    throw calls.failure(thrown);
  } finally {
    left.abort();
  }
}

function clientClosed(cause?: unknown): MainstemError {
  const message = 'the client is closed: make another one with createMainstemClient';
  return new MainstemError({ code: 'canceled', reason: 'CLIENT_CLOSED', message, cause });
}
