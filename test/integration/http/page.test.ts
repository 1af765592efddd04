import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { shellWord } from '../../../src/transports/http/page/commands.js';
import { serveBus } from '../../support/app-stand.js';
import { openBus } from '../../support/open-bus.js';

/** Not in the way of the server, which is in this process. */
async function bash(command: string): Promise<{ readonly code: number; readonly out: string }> {
  const child = spawn('bash', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { code, out };
}

const get = async (url: string, accept = '*/*') => {
  const answer = await fetch(url, { headers: { accept } });
  return { headers: answer.headers, text: await answer.text() };
};

test('every command on the page works as it stands there', async () => {
  const { address, topic } = await serveBus(await openBus());
  const names = [await topic('people'), await topic('flights'), await topic('earthquakes'), await topic(undefined)];
  const page = (await get(`${address}/`)).text;
  for (const name of names) expect(page).toContain(`${name}:\n`);
  const commands = page.split('\n').filter((line) => line.startsWith('  curl '));
  expect(commands.length).toBeGreaterThanOrEqual(2 * names.length);
  await Promise.all(
    commands.map(async (command) => {
      // What follows a topic ends only when it is told to: it was good if it was cut while it waited.
      const follows = command.includes('curl -N') && !command.includes('follow=false');
      const { code, out } = await bash(command.replace('curl ', `curl -s --fail-with-body -m ${follows ? 3 : 60} `));
      expect(code, `${command}\n${out}`).toBe(follows ? 28 : 0);
    }),
  );
  const { text: html } = await get(`${address}/`, 'text/html,application/xhtml+xml,*/*;q=0.8');
  const shown = [...html.matchAll(/<pre>([^<]*)<[/]pre>/g)].map(([, each = '']) =>
    each
      .replaceAll('&#39;', "'")
      .replaceAll('&quot;', '"')
      .replaceAll('&gt;', '>')
      .replaceAll('&lt;', '<')
      .replaceAll('&amp;', '&'),
  );
  expect(shown).toEqual(commands.map((each) => each.trim()));
});

test('the command with a filter shows what the filter lets through, and all of that', async () => {
  const { address, topic, bus } = await serveBus(await openBus());
  const name = await topic(undefined, { partitions: 3 });
  const events = Array.from({ length: 60 }, (_, n) => ({ key: Buffer.from(`k${n}`), payload: Buffer.from(`${n}`) }));
  const results = await bus.publisher.publish(
    { topic: name, mode: 'all_or_nothing', events },
    AbortSignal.timeout(10_000),
  );
  const inFirst = results.flatMap((each, n) => (each.status === 'stored' && each.partition === 0 ? [n] : []));
  expect(inFirst.length).toBeGreaterThan(0);
  expect(inFirst.length).toBeLessThan(60);
  const command = (await get(`${address}/`)).text.split('\n').find((line) => line.includes('filter=')) ?? '';
  const { out } = await bash(command.replace('curl ', 'curl -sS --fail-with-body '));
  const lines: Record<string, unknown>[] = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.filter((line) => 'data' in line).map(({ data }) => data)).toEqual(inFirst);
  expect(lines.at(-1)).toHaveProperty('end');
});

test('the page for browsers is complete in itself, and allows nothing else', async () => {
  const { address, topic } = await serveBus(await openBus());
  const name = await topic('people');
  const { headers, text: html } = await get(`${address}/`, 'text/html');
  expect(headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'/,
  );
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('vary')).toBe('Accept');
  expect(html).toContain(`<a href="/v1/topics/${name}">${name}</a>`);
  expect(html).not.toMatch(/<script|<img|<link|src=|https?:[/][/](?!127[.]0[.]0[.]1)/);
});

test('a page shows 50 topics, and where the next ones are', async () => {
  const bus = await openBus();
  const { address } = await serveBus(bus);
  const names = Array.from({ length: 53 }, (_, i) => `t-${String(i).padStart(2, '0')}`);
  for (const name of names) await bus.topics.create({ name, settings: { schemaless: true }, adopt: false });
  const first = (await get(`${address}/`)).text;
  expect(first.match(/^t-\d\d:$/gm)).toHaveLength(50);
  const [, next = ''] = /curl '([^']+after=t-49)'/.exec(first) ?? [];
  expect((await get(next)).text.match(/^t-\d\d:$/gm)).toEqual(['t-50:', 't-51:', 't-52:']);
  expect((await get(`${address}/`, 'text/html')).text).toContain('<a href="/?after=t-49">More topics</a>');
});

test('without topics it says how to begin', async () => {
  const { address } = await serveBus(await openBus());
  const [, command = ''] = /^ {2}(curl .*CreateTopic)$/m.exec((await get(`${address}/`)).text) ?? [];
  expect((await bash(command.replace('curl ', 'curl -sS --fail '))).code).toBe(0);
  expect((await get(`${address}/`)).text).toContain('hello:\n');
});

test('examples are documents that can be published', async () => {
  const bus = await openBus();
  const { topic } = await serveBus(bus);
  const harder = {
    type: 'object',
    required: ['id', 'kind', 'when', 'lines'],
    properties: {
      id: { type: 'string', pattern: '^[A-Z]{3}-[0-9]{4}$' },
      kind: { enum: ['a', 'b'] },
      when: { type: 'string', format: 'date-time' },
      lines: {
        type: 'array',
        minItems: 1,
        items: { type: 'object', required: ['n'], properties: { n: { type: 'integer', minimum: 3 } } },
      },
    },
  };
  await bus.topics.create({ name: 'harder', settings: {}, schema: JSON.stringify(harder), adopt: false });
  const own = { type: 'string', examples: [7, 'mine'] };
  await bus.topics.create({ name: 'own', settings: {}, schema: JSON.stringify(own), adopt: false });
  expect(await bus.exploration.example('own')).toBe('"mine"');
  expect(await bus.exploration.example('nobody')).toBeUndefined();
  const names = [
    await topic('people'),
    await topic('flights'),
    await topic('earthquakes'),
    await topic(undefined),
    'harder',
  ];
  for (const name of names) {
    const example = await bus.exploration.example(name);
    expect(example, name).toBeDefined();
    const events = [{ payload: Buffer.from(example ?? '') }];
    const results = await bus.publisher.publish(
      { topic: name, mode: 'all_or_nothing', events },
      AbortSignal.timeout(10_000),
    );
    expect(results, name).toMatchObject([{ status: 'stored' }]);
  }
});

test('a shell takes a quoted word for exactly that text', async () => {
  for (const word of [
    'plain',
    "it's",
    'a b',
    '$(id)',
    '`id`',
    '"x"',
    '\\',
    '!x',
    '*',
    "''",
    '{"a":[1]}',
    '-n',
    '#',
    '~',
    'ü🙂',
  ]) {
    expect((await bash(`printf %s ${shellWord(word)}`)).out).toBe(word);
  }
});
