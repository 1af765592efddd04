import type { Browser } from 'playwright-core';
import type { BrowserClient } from '../../src/client/browser.js';
import type { StatusCode, SubscriptionStatus, Violation } from '../../src/client/index.js';
import { until } from '../support/until.js';

/** In the page: the package, bundled. */
declare const mainstem: typeof import('../../src/client/browser.js');
/** In the page: tells the test what a subscription gives. */
declare const tell: (what: Told) => Promise<void>;

/** What a subscription in the page gave: the data of an event, or a status. */
type Told = { readonly event: unknown } | ToldStatus;

interface ToldStatus {
  readonly status: SubscriptionStatus['kind'];
  readonly error?: Failure | undefined;
}

/** What a page's author finds in a MainstemError. */
export interface Failure {
  readonly code: StatusCode;
  readonly reason: string;
  readonly retryable: boolean;
  readonly violations: readonly Violation[];
}

/** A subscription in the page, whose events and statuses are told to the test. */
export interface SubscriptionInPage {
  /** Resolves when what was told meets the condition; rejects if the loop over the events ends before. */
  reach(condition: () => boolean): Promise<void>;
  /** Stops it, and waits for the end of the loop. */
  stop(): Promise<void>;
  /** Resolves when the loop is over, with what it has thrown. */
  readonly failed: Promise<Failure | undefined>;
}

/** A page of a browser with a client of its own, driven by the test. */
export interface ClientInPage {
  /** What all subscriptions have told so far, in order. */
  events(): unknown[];
  statuses(kind: SubscriptionStatus['kind']): ToldStatus[];
  /** What nothing in the page has caught. */
  readonly uncaught: readonly Error[];
  /** Publishes one event after the other; resolves with how the call failed, if it did. */
  publish(topic: string, ...data: readonly unknown[]): Promise<Failure | undefined>;
  subscribe(topic: string): Promise<SubscriptionInPage>;
  closeClient(): Promise<void>;
  /** Opens the page anew, as a reload does. */
  reload(): Promise<void>;
  /** Takes the network away, or gives it back. */
  setOffline(offline: boolean): Promise<void>;
  close(): Promise<void>;
}

export async function clientInPage(browser: Browser, address: string): Promise<ClientInPage> {
  const told: Told[] = [];
  const uncaught: Error[] = [];
  const states = until();
  const page = await browser.newPage();
  page.on('pageerror', (error) => uncaught.push(error));
  await page.exposeFunction('tell', (what: Told) => {
    told.push(what);
    states.changed();
  });
  const open = async () => {
    await page.goto(address);
    return page.evaluateHandle(() => mainstem.createMainstemClient());
  };
  let client = await open();

  return {
    events: () => told.flatMap((what) => ('event' in what ? [what.event] : [])),
    statuses: (kind) => told.flatMap((what) => ('status' in what && what.status === kind ? [what] : [])),
    uncaught,
    publish: (topic, ...data) => page.evaluate(publishInPage, { client, topic, data }),
    async subscribe(topic) {
      const subscription = await page.evaluateHandle(
        ({ client, topic }) => client.subscribe({ topic, subscriber: 'page' }, { firstMs: 50, longestMs: 200 }),
        { client, topic },
      );
      const failed = page.evaluate(consumeInPage, subscription);
      const early = failed.then((failure) => {
        throw new Error(`the subscription ended before its time: ${JSON.stringify(failure)}`);
      });
      // Whoever waits hears it; a page that was left behind fails without anyone who waits.
      early.catch(() => undefined);
      return {
        failed,
        reach: (condition) => Promise.race([states.until(condition), early]),
        async stop() {
          await page.evaluate((subscription) => subscription.stop(), subscription);
          await failed;
        },
      };
    },
    closeClient: () => page.evaluate((client) => client.close(), client),
    async reload() {
      client = await open();
    },
    setOffline: (offline) => page.context().setOffline(offline),
    close: () => page.close(),
  };
}

type InPage = { readonly client: BrowserClient; readonly topic: string };

/** Runs in the page, as all below: nothing of this file is there but what is declared. */
async function publishInPage({ client, topic, data }: InPage & { readonly data: readonly unknown[] }) {
  try {
    await client.publish({ topic, events: data.map((value) => ({ data: value })) });
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof mainstem.MainstemError)) throw thrown;
    const { code, reason, retryable, violations } = thrown;
    return { code, reason, retryable, violations };
  }
}

async function consumeInPage(subscription: ReturnType<BrowserClient['subscribe']>): Promise<Failure | undefined> {
  const statuses = subscription.status();
  let failure: Failure | undefined;
  const watching = (async () => {
    for await (const status of statuses) {
      const thrown = 'error' in status ? status.error : undefined;
      const error = thrown && {
        code: thrown.code,
        reason: thrown.reason,
        retryable: thrown.retryable,
        violations: thrown.violations,
      };
      await tell({ status: status.kind, error });
      if (status.kind === 'ended') failure = error;
    }
  })();
  try {
    for await (const event of subscription) await tell({ event: event.data });
  } catch (thrown) {
    if (!(thrown instanceof mainstem.MainstemError)) throw thrown;
  }
  await watching;
  return failure;
}
