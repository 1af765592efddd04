import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createMainstemClient, type MainstemClient } from '../../src/client/index.js';
import { type PageServer, startPageServer } from '../support/page-server.js';
import { steadyPort } from '../support/ports.js';
import { startServer, type TestServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { bundleForPage } from './bundle.js';
import { chromiumPath, launchChromium } from './chromium.js';
import { type ClientInPage, clientInPage } from './client-in-page.js';

const html = '<!doctype html><title>A page</title><script src="/client.js"></script>';
const bundle = () => bundleForPage("export * from 'mainstem'", 'mainstem');

test('the bundle for browsers has nothing of Node in it', async () => {
  expect(await bundle()).not.toMatch(/\bBuffer\b/);
  await expect(bundleForPage("export * from './dist/client/index.js'", 'mainstem')).rejects.toThrow(
    'imports node:http, which no browser has',
  );
});

describe.skipIf(chromiumPath === undefined)('in a real browser, behind the proxy that serves the page', () => {
  let data: Awaited<ReturnType<typeof temporaryDirectory>>;
  let bus: TestServer;
  let web: PageServer;
  let browser: Browser;
  /** Beside the page: a view that does not depend on it. */
  let aside: MainstemClient;
  let page: ClientInPage;

  const startBus = async (port: string) => {
    bus = await startServer({ args: ['--log', `embedded:${data.path}`, '--port', port] });
  };

  beforeAll(async () => {
    data = await temporaryDirectory();
    await startBus(`${await steadyPort()}`);
    aside = createMainstemClient({ address: bus.address });
    web = await startPageServer(bus.address, html, await bundle());
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    await web?.close();
    aside?.close();
    await bus?.kill();
    await data?.remove();
  });

  beforeEach(async () => {
    page = await clientInPage(browser, web.address);
  });

  afterEach(async () => {
    await page.close();
    expect(page.uncaught).toEqual([]);
  });

  async function newTopic(topic: string): Promise<string> {
    const schema = JSON.stringify({ type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] });
    await aside.topics.create({ topic, settings: { partitions: 1 }, schema });
    return topic;
  }

  const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => ({ n: from + i }));

  /** The events that the page has got, each where it came first: one that was not committed in time may come again. */
  const firstOf = (events: readonly unknown[]) =>
    [...new Set(events.map((event) => JSON.stringify(event)))].map((text) => JSON.parse(text));

  /** Where the next subscription of the page would begin, as the bus has it. */
  async function committed(topic: string): Promise<bigint | undefined> {
    const { positions } = await aside.subscribers.get('page');
    return positions.find((position) => position.topic === topic)?.nextOffset;
  }

  test('each event comes as it is published, in order, and stop commits them', async () => {
    const topic = await newTopic('live');
    const subscription = await page.subscribe(topic);
    await subscription.reach(() => page.statuses('connected').length === 1);
    for (let n = 0; n < 20; n++) {
      expect(await page.publish(topic, { n })).toBeUndefined();
      await subscription.reach(() => page.events().length > n);
    }
    await subscription.stop();
    expect(page.events()).toEqual(numbered(0, 20));
    expect(page.statuses('ended')).toEqual([{ status: 'ended', error: undefined }]);
    expect(page.statuses('disconnected')).toEqual([]);
    expect(await committed(topic)).toBe(20n);
  });

  test('a page that is opened again goes on where the last one was', async () => {
    const topic = await newTopic('reloaded');
    const first = await page.subscribe(topic);
    await aside.publish({ topic, events: numbered(0, 5).map((data) => ({ data })) });
    await first.reach(() => page.statuses('committed').length > 0);
    await page.reload();
    await aside.publish({ topic, events: numbered(5, 10).map((data) => ({ data })) });
    const second = await page.subscribe(topic);
    await second.reach(() => firstOf(page.events()).length === 10);
    await second.stop();
    expect(firstOf(page.events())).toEqual(numbered(0, 10));
  });

  test('the bus is killed and comes back: the loop goes on, and nothing is missing', async () => {
    const topic = await newTopic('killed');
    const { port } = new URL(bus.address);
    const subscription = await page.subscribe(topic);
    await page.publish(topic, ...numbered(0, 10));
    await subscription.reach(() => page.events().length === 10 && page.statuses('committed').length > 0);
    await bus.kill();
    // The first time the stream broke; then the proxy answered that the bus is away.
    await subscription.reach(() => page.statuses('disconnected').length > 1);
    for (const { error } of page.statuses('disconnected')) {
      expect(error).toMatchObject({ code: 'unavailable', retryable: true });
    }
    expect(await page.publish(topic, { n: 10 })).toMatchObject({ code: 'unavailable', retryable: true });
    await startBus(port);
    await subscription.reach(() => page.statuses('connected').length === 2);
    await page.publish(topic, ...numbered(10, 20));
    await subscription.reach(() => firstOf(page.events()).length === 20);
    await subscription.stop();
    expect(firstOf(page.events())).toEqual(numbered(0, 20));
    expect(await committed(topic)).toBe(20n);
  });

  test('a proxy that ends what takes long does not end the subscription', async () => {
    const topic = await newTopic('cut');
    const subscription = await page.subscribe(topic);
    await subscription.reach(() => page.statuses('connected').length === 1);
    web.endStreams();
    await subscription.reach(() => page.statuses('connected').length === 2);
    expect(page.statuses('disconnected')[0]).toMatchObject({ error: { reason: 'CONNECTION_LOST', retryable: true } });
    await page.publish(topic, { n: 0 });
    await subscription.reach(() => page.events().length === 1);
    await subscription.stop();
  });

  test('errors are typed, and name what is wrong', async () => {
    const topic = await newTopic('checked');
    expect(await page.publish(topic, { n: 1 }, { n: 'one' }, {})).toMatchObject({
      code: 'invalid_argument',
      reason: 'SCHEMA_VIOLATION',
      retryable: false,
      violations: [
        { event: 1, pointer: '/n', rule: 'type' },
        { event: 2, pointer: '', rule: 'required' },
      ],
    });
    const notThere = { code: 'not_found', reason: 'TOPIC_NOT_FOUND', retryable: false };
    expect(await page.publish('no-such-topic', { n: 1 })).toMatchObject(notThere);
    const subscription = await page.subscribe('no-such-topic');
    expect(await subscription.failed).toMatchObject(notThere);
    await page.setOffline(true);
    expect(await page.publish(topic, { n: 1 })).toMatchObject({ reason: 'CONNECTION_LOST', retryable: true });
    await page.setOffline(false);
    expect(await page.publish(topic, { n: 1 })).toBeUndefined();
  });

  test('closing the client ends its subscriptions', async () => {
    const topic = await newTopic('closed');
    const subscription = await page.subscribe(topic);
    await subscription.reach(() => page.statuses('connected').length === 1);
    await page.closeClient();
    expect(await subscription.failed).toMatchObject({ reason: 'CLIENT_CLOSED' });
  });
});
