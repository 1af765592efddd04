import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createMainstemClient } from '../../src/client/index.js';
import { nginxPath, startNginx } from '../support/nginx.js';
import { steadyPort } from '../support/ports.js';
import { startServer, type TestServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { until } from '../support/until.js';
import { chromiumPath, launchChromium } from './chromium.js';

if (nginxPath === undefined)
  console.warn('SKIPPED: a page behind nginx. There is none here: `apt-get install nginx-light`.');

/** The function that the README has for pages, as it stands there. */
const snippet = /```js\n(function listen\([\s\S]*?\n\}\n)/.exec(
  readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8'),
)?.[1];

describe.skipIf(chromiumPath === undefined || nginxPath === undefined)('the page of the README behind nginx', () => {
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
    const port = `${await steadyPort()}`;
    const start = async () => {
      bus = await startServer({ args: ['--log', `embedded:${data.path}`, '--port', port] });
      return bus;
    };
    const first = await start();
    const client = createMainstemClient({ address: first.address });
    onTestFinished(() => client.close());
    await client.topics.create({ topic: 'ticks', settings: { schemaless: true, partitions: 2 } });
    const nginx = await startNginx(first.address);
    onTestFinished(() => nginx.close());
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    const states = until();
    const shown: number[] = [];
    const statuses: number[] = [];
    page.on('response', (response) => {
      statuses.push(response.status());
      states.changed();
    });
    await page.exposeFunction('show', ({ n }: { n: number }) => {
      shown.push(n);
      states.changed();
    });
    await page.goto(`${nginx.address}/livez`);
    let sent = 0;
    return {
      page,
      first,
      again: start,
      shown,
      statuses,
      reach: (condition: () => boolean) => states.until(condition),
      listen: (path: string) => page.evaluate(`(() => { ${snippet}; listen(${JSON.stringify(path)}, show); })()`),
      async publish(count: number) {
        await client.publish({
          topic: 'ticks',
          events: Array.from({ length: count }, () => ({ data: { n: sent++ } })),
        });
      },
    };
  }

  test('it comes back after 502s, at the place where it was, and misses nothing', async () => {
    const { first, again, shown, statuses, reach, listen, publish } = await stand();
    await publish(20);
    await listen('/v1/topics/ticks/events?from=earliest&heartbeat=1s');
    await reach(() => new Set(shown).size === 20);
    await first.kill();
    // The first closes the EventSource for good; another shows that the page has asked again.
    await reach(() => statuses.filter((status) => status === 502).length >= 3);
    await again();
    await publish(20);
    await reach(() => new Set(shown).size === 40);
    expect([...new Set(shown)].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n));
    expect(shown).toHaveLength(40);
  });

  test('what the bus itself refuses is not asked for again', async () => {
    const { page, statuses, reach, listen } = await stand();
    await page.evaluate('(() => { window.planned = 0; window.setTimeout = () => window.planned++; })()');
    await listen('/v1/topics/nowhere/events');
    // The stream, and the question that the page asks after it.
    await reach(() => statuses.filter((status) => status === 404).length === 2);
    // A later turn than that in which the page has read the second answer.
    await page.evaluate("fetch('/livez', { cache: 'no-store' }).then(() => undefined)");
    expect(await page.evaluate('window.planned')).toBe(0);
    expect(statuses.filter((status) => status !== 200)).toEqual([404, 404]);
  });
});
