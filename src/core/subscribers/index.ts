import { createParking } from '../parking/index.js';
import type { Parking, StreamParking } from '../parking/parking.js';
import type { Authorizer } from '../ports/authorizer.js';
import { type Clock, systemClock, type Timer } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import type { EventLog } from '../ports/event-log.js';
import type { Subscriptions } from '../subscribe/frames.js';
import type { TopicsService } from '../topics/index.js';
import { createSubscriberAdmin } from './admin.js';
import { createExpiry, type ExpiryNotice } from './expiry.js';
import { settleSubscriber } from './settle.js';
import type { SubscriberAdmin } from './subscriber.js';

export interface SubscribersOptions {
  readonly log: EventLog;
  readonly coordination: Coordination;
  readonly topics: TopicsService;
  readonly authorizer: Authorizer;
  readonly commit: Subscriptions['commit'];
  /** Forget subscribers that have been without streams and commits for so long; undefined: never. */
  readonly expiry?:
    | {
        readonly afterMs: number;
        readonly announce: (notice: ExpiryNotice) => void;
        /** A sweep that failed; the next one comes. */
        readonly onError: (error: unknown) => void;
      }
    | undefined;
  /** Default: this machine's. */
  readonly clock?: Clock | undefined;
}

/** What transports serve as SubscriberService. */
export interface Subscribers extends SubscriberAdmin, Parking {}

export interface SubscribersService extends Subscribers, StreamParking {
  /** Finishes what was decided about a subscriber and not carried out. Anybody may, at any time. */
  settle(subscriber: string): Promise<void>;
  close(): void;
}

/** How often the idle are looked for: twenty times in a subscriber's time, at most once a second, at least once an hour. */
const sweepEveryMs = (afterMs: number) => Math.min(60 * 60_000, Math.max(1_000, afterMs / 20));

/** The operation of subscribers, and their parked records. */
export function createSubscribers(options: SubscribersOptions): SubscribersService {
  const { clock = systemClock, expiry: policy, ...others } = options;
  const ports = { ...others, clock };
  const closing = new AbortController();
  const parking = createParking({ ...ports, closing: closing.signal });
  const expiry = policy && createExpiry(ports, policy);
  const admin = createSubscriberAdmin({ ...ports, expiry, countParked: parking.count });

  let timer: Timer | undefined;
  function sweepLater(): void {
    if (!policy || !expiry || closing.signal.aborted) return;
    timer = clock
      .setTimeout(() => {
        expiry.sweep(closing.signal).catch(policy.onError).finally(sweepLater);
      }, sweepEveryMs(policy.afterMs))
      .unref();
  }
  sweepLater();

  return {
    ...admin,
    ...parking,
    settle: (subscriber) => settleSubscriber(ports, subscriber),
    close() {
      closing.abort();
      timer?.close();
    },
  };
}
