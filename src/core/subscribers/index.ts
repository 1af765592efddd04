import { createParking } from '../parking/index.js';
import type { Parking } from '../parking/parking.js';
import type { Authorizer } from '../ports/authorizer.js';
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
  /** Milliseconds since 1970; default: this machine's. */
  readonly wallTime?: () => number;
}

/** What transports serve as SubscriberService. */
export interface Subscribers extends SubscriberAdmin, Parking {}

export interface SubscribersService extends Subscribers {
  /** Finishes what was decided about a subscriber and not carried out. Anybody may, at any time. */
  settle(subscriber: string): Promise<void>;
  close(): void;
}

/** How often the idle are looked for: twenty times in a subscriber's time, at most once a second, at least once an hour. */
const sweepEveryMs = (afterMs: number) => Math.min(60 * 60_000, Math.max(1_000, afterMs / 20));

/** The operation of subscribers, and their parked records. */
export function createSubscribers(options: SubscribersOptions): SubscribersService {
  const { wallTime = Date.now, expiry: policy, ...ports } = options;
  const closing = new AbortController();
  const parking = createParking({ ...ports, closing: closing.signal });
  const expiry = policy && createExpiry(ports, { ...policy, wallTime });
  const admin = createSubscriberAdmin({ ...ports, wallTime, expiry, countParked: parking.count });

  let timer: NodeJS.Timeout | undefined;
  function sweepLater(): void {
    if (!policy || !expiry || closing.signal.aborted) return;
    timer = setTimeout(() => {
      expiry.sweep(closing.signal).catch(policy.onError).finally(sweepLater);
    }, sweepEveryMs(policy.afterMs)).unref();
  }
  sweepLater();

  return {
    ...admin,
    ...parking,
    settle: (subscriber) => settleSubscriber(ports, subscriber),
    close() {
      closing.abort();
      clearTimeout(timer);
    },
  };
}
