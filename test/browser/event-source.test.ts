import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createMainstemClient } from '../../src/client/index.js';
import { steadyPort } from '../support/ports.js';
import { startServer, type TestServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { until } from '../support/until.js';
import { chromiumPath, launchChromium } from './chromium.js';

/** In the page: tells the test what an EventSource gives. */
declare const tell: (what: Told) => Promise<void>;

interface Told {
  readonly type: string;
  readonly data?: string | undefined;
  /** 0 connecting, 1 open, 2 closed for good. */
  readonly readyState: number;
}

/** A page of the bus itself with an EventSource, which is all that the page has. */
async function eventSourceIn(page: Page, path: string) {
  const told: Told[] = [];
  const states = until();
  await page.exposeFunction('tell', (what: Told) => {
    told.push(what);
    states.changed();
  });
  await page.evaluate((address) => {
    const source = new EventSource(address);
    const types = ['open', 'error', 'message', 'ready', 'heartbeat', 'end', 'problem'];
    for (const type of types) {
      source.addEventListener(type, (event) => {
        const data = event instanceof MessageEvent ? String(event.data) : undefined;
        void tell({ type, data, readyState: source.readyState });
      });
    }
  }, path);
  return {
    reach: (condition: () => boolean) => states.until(condition),
    of: (type: string) => told.filter((each) => each.type === type),
    numbers: () =>
      told.flatMap(({ type, data }) => (type === 'message' ? [Number(JSON.parse(data ?? '').data.n)] : [])),
  };
}

describe.skipIf(chromiumPath === undefined)('EventSource in a real browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  async function stand() {
    const data = await temporaryDirectory();
    onTestFinished(() => data.remove());
    let bus: TestServer | undefined;
    onTestFinished(() => bus?.kill());
    const start = async (port: string) => {
      bus = await startServer({ args: ['--log', `embedded:${data.path}`, '--port', port] });
      return bus;
    };
    const first = await start(`${await steadyPort()}`);
    const client = createMainstemClient({ address: first.address });
    onTestFinished(() => client.close());
    await client.topics.create({ topic: 'ticks', settings: { schemaless: true, partitions: 2 } });
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    await page.goto(`${first.address}/livez`);
    let sent = 0;
    return {
      page,
      first,
      again: () => start(new URL(first.address).port),
      async publish(count: number) {
        const events = Array.from({ length: count }, () => ({ data: { n: sent++ } }));
        await client.publish({ topic: 'ticks', events });
      },
    };
  }

  const all = (to: number) => Array.from({ length: to }, (_, n) => n);
  const unique = (numbers: readonly number[]) => [...new Set(numbers)].sort((a, b) => a - b);

  test.each(['SIGTERM', 'kill -9'])('%s and a restart: it comes back by itself, and misses nothing', async (how) => {
    const { page, first, again, publish } = await stand();
    const source = await eventSourceIn(page, '/v1/topics/ticks/events?from=earliest&heartbeat=1s');
    await publish(20);
    await source.reach(() => unique(source.numbers()).length === 20);
    // A heartbeat later the cursor after them is there for certain.
    const before = source.of('heartbeat').length;
    await source.reach(() => source.of('heartbeat').length > before);
    // One more slice, of which nobody knows how much arrives.
    await publish(5);
    if (how === 'SIGTERM') {
      expect(await first.stop()).toBe(0);
      await source.reach(() => source.of('end').length === 1);
      expect(JSON.parse(source.of('end')[0]?.data ?? '')).toMatchObject({ reason: 'shutting_down' });
    } else {
      await first.kill();
    }
    await source.reach(() => source.of('error').length > 0);
    await again();
    await source.reach(() => source.of('ready').length === 2);
    await publish(20);
    await source.reach(() => unique(source.numbers()).length === 45);
    expect(unique(source.numbers())).toEqual(all(45));
    // What was complete before does not come again.
    expect(source.numbers().filter((n) => n < 20)).toHaveLength(20);
    expect(source.of('error').every(({ readyState }) => readyState === 0)).toBe(true);
  });

  test('one that begins at the end, and has got nothing yet, resumes there', async () => {
    const { page, first, again, publish } = await stand();
    await publish(3);
    const source = await eventSourceIn(page, '/v1/topics/ticks/events');
    await source.reach(() => source.of('ready').length === 1);
    await first.kill();
    await source.reach(() => source.of('error').length > 0);
    await again();
    // Before it is back, as far as anybody knows.
    await publish(3);
    await source.reach(() => source.numbers().length === 3);
    expect(unique(source.numbers())).toEqual([3, 4, 5]);
  });

  test('one that ends comes back once, has everything, and is closed', async () => {
    const { page, publish } = await stand();
    await publish(5);
    const source = await eventSourceIn(page, '/v1/topics/ticks/events?from=earliest&follow=false');
    await source.reach(() => source.of('error').at(-1)?.readyState === 2);
    expect(unique(source.numbers())).toEqual(all(5));
    expect(source.numbers()).toHaveLength(5);
    expect(source.of('end')).toHaveLength(1);
  });

  test('an error for good closes it', async () => {
    const { page } = await stand();
    const source = await eventSourceIn(page, '/v1/topics/nowhere/events');
    await source.reach(() => source.of('error').length === 1);
    expect(source.of('error')[0]?.readyState).toBe(2);
  });
});
