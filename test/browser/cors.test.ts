import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createMainstemClient } from '../../src/client/index.js';
import { type PageServer, startPageServer } from '../support/page-server.js';
import { startServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { chromiumPath, launchChromium } from './chromium.js';

/** What a page gets that publishes, lists and listens by what every browser has. */
async function tryEverything({ bus, last }: { readonly bus: string; readonly last: number }) {
  const events = `${bus}/v1/topics/ticks/events`;
  const attempt = (asking: Promise<Response>) =>
    asking.then(
      async (answer) => ({
        status: answer.status,
        text: await answer.text(),
        retryAfter: answer.headers.get('retry-after'),
      }),
      (error: Error) => error.name,
    );
  const headers = { 'content-type': 'application/json', 'idempotency-key': `page-${last}` };
  const published = await attempt(fetch(events, { method: 'POST', headers, body: JSON.stringify({ n: last }) }));
  const simple = await attempt(fetch(`${bus}/v1/topics`, { headers: { accept: 'application/json' } }));
  const heard = await new Promise<{ ns: number[]; closed: boolean }>((resolve) => {
    const source = new EventSource(`${events}?from=earliest`);
    const ns: number[] = [];
    const done = () => {
      resolve({ ns, closed: source.readyState === 2 });
      source.close();
    };
    source.onmessage = ({ data }) => {
      ns.push(JSON.parse(data).data.n);
      if (ns.at(-1) === last) done();
    };
    source.onerror = done;
  });
  return { published, simple, heard };
}

describe.skipIf(chromiumPath === undefined)('pages of other origins in a real browser', () => {
  let browser: Browser;
  let web: PageServer;
  beforeAll(async () => {
    // A name that leads to this machine, as a hostile site's does once it rebinds it.
    browser = await launchChromium(['--host-resolver-rules=MAP rebound.example 127.0.0.1']);
    web = await startPageServer('http://127.0.0.1:9', '<!doctype html><title>A page</title>', '');
  });
  afterAll(async () => {
    await browser?.close();
    await web?.close();
  });

  async function busWith(...args: string[]) {
    const data = await temporaryDirectory();
    onTestFinished(() => data.remove());
    const bus = await startServer({ args: ['--log', `embedded:${data.path}`, ...args] });
    onTestFinished(() => bus.kill());
    const client = createMainstemClient({ address: bus.address });
    onTestFinished(() => client.close());
    await client.topics.create({ topic: 'ticks', settings: { schemaless: true } });
    await client.publish({ topic: 'ticks', events: [{ data: { n: 1 } }] });
    return {
      address: bus.address,
      async ends() {
        const ns: number[] = [];
        for await (const event of client.subscribe({ topic: 'ticks', from: 'earliest', follow: false }))
          ns.push(Object(event.data).n);
        return ns;
      },
    };
  }

  async function pageAt(address: string) {
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    await page.goto(address);
    return page;
  }

  test('an allowed origin publishes with fetch and listens with EventSource', async () => {
    const bus = await busWith('--cors-origins', web.address);
    const page = await pageAt(web.address);
    expect(await page.evaluate(tryEverything, { bus: bus.address, last: 2 })).toEqual({
      published: { status: 200, text: expect.stringContaining('"offset"'), retryAfter: null },
      simple: { status: 200, text: expect.stringContaining('ticks'), retryAfter: null },
      heard: { ns: [1, 2], closed: false },
    });
    // What is refused can be read too: why, and not only that.
    expect(
      await page.evaluate(async (address) => (await fetch(`${address}/v1/topics/nowhere`)).text(), bus.address),
    ).toContain('TOPIC_NOT_FOUND');
  });

  test('any other is refused by the browser, and publishes nothing', async () => {
    const bus = await busWith('--cors-origins', 'https://app.example.org');
    const page = await pageAt(web.address);
    expect(await page.evaluate(tryEverything, { bus: bus.address, last: 2 })).toEqual({
      published: 'TypeError',
      simple: 'TypeError',
      heard: { ns: [], closed: true },
    });
    expect(await bus.ends()).toEqual([1]);
  });

  test('a site that lets its name lead here gets nothing, though it is the bus’s own origin then', async () => {
    const bus = await busWith();
    const rebound = `http://rebound.example:${new URL(bus.address).port}`;
    const page = await pageAt(rebound);
    expect(await page.evaluate(tryEverything, { bus: rebound, last: 2 })).toEqual({
      published: { status: 403, text: expect.stringContaining('PERMISSION_DENIED'), retryAfter: null },
      simple: { status: 403, text: expect.stringContaining('PERMISSION_DENIED'), retryAfter: null },
      heard: { ns: [], closed: true },
    });
    // Also where it hides what it is as far as browsers let it.
    const headers = { 'user-agent': 'curl/8.5.0', 'accept-language': '', accept: '*/*' };
    const hidden = { headers, referrerPolicy: 'no-referrer', credentials: 'omit' } as const;
    expect(await page.evaluate(async (init) => (await fetch('/v1/topics', init)).status, hidden)).toBe(403);
    expect(await bus.ends()).toEqual([1]);
  });
});
