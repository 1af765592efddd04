import { createCalls } from './calls.js';
import { type PublishCalls, publishCalls } from './publish.js';
import { type SubscribeCalls, subscribeCalls } from './subscribe.js';
import { type TopicCalls, topicCalls } from './topics.js';
import { type ConnectionOptions, openConnection } from './transport.js';

/** A client of one Mainstem server. Every call fails with a `MainstemError`, or a TypeError where its arguments are wrong. */
export interface MainstemClient extends PublishCalls, SubscribeCalls {
  /** The server's address, normalized. */
  readonly address: string;
  readonly topics: TopicCalls;
  /** Ends the connection and all calls on it. */
  close(): void;
}

/** Connects with the first call, one HTTP/2 connection for all calls. Throws a TypeError for an address that is none. */
export function createMainstemClient(options: ConnectionOptions): MainstemClient {
  const connection = openConnection(options);
  const calls = createCalls(connection, options.timeoutMs ?? 30_000);
  return {
    address: connection.address,
    ...publishCalls(calls),
    ...subscribeCalls(calls),
    topics: topicCalls(calls),
    close: connection.close,
  };
}
