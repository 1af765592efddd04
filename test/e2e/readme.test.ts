import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { consoleSteps, matchesOutput } from '../support/console-blocks.js';
import { driverPairs } from '../support/pairs.js';
import { cleanEnvironment, cliPath, startServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const root = join(import.meta.dirname, '../..');
const topics = ['people', 'flights', 'earthquakes', 'orders', 'trips'];

describe.each(await driverPairs())('on $name', (pair) => {
  test("the README's tour does what it says", async () => {
    const steps = consoleSteps(readFileSync(join(root, 'README.md'), 'utf8'));
    expect(steps.length).toBeGreaterThan(10);
    const { args, topic } = await pair.place();
    const server = await startServer({ args });
    onTestFinished(() => server.kill());
    // A directory like the checkout, for what the commands write; `mainstem` as the PATH has it, since npx costs a second each time.
    const folder = await temporaryDirectory();
    onTestFinished(() => folder.remove());
    mkdirSync(join(folder.path, 'bin'));
    symlinkSync(cliPath, join(folder.path, 'bin/mainstem'));
    for (const name of ['package.json', 'scripts', 'node_modules', 'schemas', 'examples', 'dist']) {
      symlinkSync(join(root, name), join(folder.path, name));
    }
    const here = (text: string) =>
      topics.reduce(
        (all, name) => all.replace(new RegExp(`(?<!schemas/)\\b${name}\\b(?!\\.ndjson)`, 'g'), topic(name)),
        text,
      );

    for (const { line, command, output } of steps) {
      const typed = here(command)
        .replaceAll('localhost:8080', new URL(server.address).host)
        .replaceAll('npx mainstem', 'mainstem');
      const { stdout, stderr, status } = spawnSync('bash', ['-c', typed], {
        cwd: folder.path,
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
        timeout: 120_000,
        env: {
          ...cleanEnvironment(),
          PATH: `${join(folder.path, 'bin')}:${process.env['PATH']}`,
          MAINSTEM_ADDRESS: server.address,
        },
      });
      const printed = `${stdout}${stderr}`.trim();
      expect(
        matchesOutput(printed, here(output)),
        `README.md:${line}\n$ ${typed}\n(exit ${status}) printed\n${printed}\ninstead of\n${here(output)}`,
      ).toBe(true);
    }
  }, 300_000);
});
