import { type Calls, createCalls } from './calls.js';
import type { Connection } from './connection.js';
import { type FleetCalls, fleetCalls } from './fleet.js';
import { type PublishCalls, publishCalls } from './publish.js';
import { type SchemaCalls, schemaCalls } from './schemas.js';
import { type SubscribeCalls, type SubscribeInput, subscribeCalls } from './subscribe.js';
import { type SubscriberCalls, subscriberCalls } from './subscribers.js';
import type { Subscription, SubscriptionOptions } from './subscription/api.js';
import { createSubscription } from './subscription/subscription.js';
import { type TopicCalls, topicCalls } from './topics.js';

/** A client of one Mainstem server. Every call fails with a `MainstemError`, or a TypeError where its arguments are wrong. */
export interface MainstemClient extends PublishCalls, SubscribeCalls {
  /** The server's address, normalized. */
  readonly address: string;
  /**
   * Subscribes: `for await (const event of client.subscribe({ topic, subscriber }))`. It connects again by itself, resumes where it was, and
   * commits what is processed. Begins with the first pull.
   */
  subscribe(input: SubscribeInput, options?: SubscriptionOptions): Subscription;
  readonly topics: TopicCalls;
  readonly schemas: SchemaCalls;
  readonly subscribers: SubscriberCalls;
  readonly fleet: FleetCalls;
  /** Ends the connection. All calls and subscriptions on it fail with CLIENT_CLOSED, and so does what is called later. */
  close(): void;
}

/** A client on a connection; `timeoutMs` as in ConnectionOptions. */
export function clientOn(connection: Connection, timeoutMs = 30_000): MainstemClient {
  const calls: Calls = createCalls(connection, timeoutMs);
  const streams = subscribeCalls(calls);
  const subscribers = subscriberCalls(calls);
  const { frames, commit, keepAlive, setPositions } = streams;
  return {
    address: connection.address,
    ...publishCalls(calls),
    ...streams,
    subscribe: (input, more) =>
      createSubscription({ frames, commit, keepAlive, setPositions, park: subscribers.park }, input, more),
    topics: topicCalls(calls),
    schemas: schemaCalls(calls),
    subscribers,
    fleet: fleetCalls(calls),
    close: calls.close,
  };
}
