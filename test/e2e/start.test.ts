import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { cli } from '../support/cli.js';
import { steadyPort } from '../support/ports.js';
import { cleanEnvironment, cliPath, startServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const root = join(import.meta.dirname, '../..');

function serve(args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cliPath, 'serve', ...args], {
    cwd: root,
    encoding: 'utf8',
    timeout: 30_000,
    env: { ...cleanEnvironment(), ...env },
  });
  return { status, stdout, stderr };
}

async function dataDirectory(): Promise<string> {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  return directory.path;
}

test('says where it is and what to type, and those commands work as printed', async () => {
  const server = await startServer({ args: ['--log', `embedded:${await dataDirectory()}`] });
  onTestFinished(() => server.kill());
  const printed = server.output();
  const commands = printed
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => /^ {2}(curl|echo|npx) /.test(line))
    .map((line) => line.trim().replaceAll('npx mainstem', `${process.execPath} ${cliPath}`));
  expect(commands).toHaveLength(3);
  const run = (command: string) => spawnSync('bash', ['-c', command], { encoding: 'utf8', env: cleanEnvironment() });
  expect(run(`${commands[0]} -s`).stdout).toMatch(/^\{"results":\[\{"status":"stored","partition":0,"offset":0,/);
  expect(run(commands[1] ?? '').stdout).toContain('1 event stored in people');
  expect(run(`${commands[2]} --limit 2 --data-only`).stdout.trim().split('\n')).toHaveLength(2);
});

test('a second server on the same data, and on the same port, is refused clearly; the first goes on', async () => {
  const data = await dataDirectory();
  const first = await startServer({ args: ['--log', `embedded:${data}`] });
  onTestFinished(() => first.kill());
  const sameData = serve(['--port', '0', '--log', `embedded:${data}`]);
  expect(sameData.status).not.toBe(0);
  expect(sameData.stderr).toContain(data);
  expect(sameData.stderr).toMatch(/in use|another process/);
  const { port } = new URL(first.address);
  const samePort = serve(['--port', port, '--log', `embedded:${await dataDirectory()}`]);
  expect(samePort.status).not.toBe(0);
  expect(samePort.stderr).toContain(`${port}`);
  expect(samePort.stderr).toContain('--port');
  for (const { stderr } of [sameData, samePort]) expect(stderr).not.toMatch(/^\s+at /m);
  const listed = await cli(first.address, ['topics', 'list']);
  expect(listed.stdout).toContain('people');
});

test('--help lists every setting; an unknown option, a wrong value and an unknown variable are told with what is possible', async () => {
  const help = serve(['--help']);
  expect(help.status).toBe(0);
  expect(help.stdout).toContain('--print-config');
  expect(help.stdout).toContain('MAINSTEM_COORDINATION');
  expect(serve(['--prot', '1'])).toMatchObject({ status: 2, stderr: expect.stringContaining('--port') });
  expect(serve(['--port', 'x'])).toMatchObject({ stderr: expect.stringContaining('whole number from 0 to 65535') });
  expect(serve([], { MAINSTEM_PROT: '1' })).toMatchObject({ stderr: expect.stringContaining('MAINSTEM_PORT') });
  expect(serve(['--host', '0.0.0.0'])).toMatchObject({ stderr: expect.stringContaining('--insecure-listen') });
  expect(serve(['--log', 'kafka:/somewhere'])).toMatchObject({ stderr: expect.stringContaining('kafka://') });
});

test('--print-config shows every value and where it comes from, and no secret', () => {
  const printed = serve(['--print-config', '--port', '9001'], { MAINSTEM_LOG_LEVEL: 'warn' });
  expect(printed.status).toBe(0);
  expect(printed.stdout).toMatch(/port\s+9001\s+flag/);
  expect(printed.stdout).toMatch(/logLevel\s+warn\s+env/);
  expect(printed.stdout).toMatch(/role\s+all\s+default/);
});

test('liveness, readiness with the state of each part, and what is not there', async () => {
  const server = await startServer({ args: ['--log', `embedded:${await dataDirectory()}`] });
  onTestFinished(() => server.kill());
  expect((await fetch(`${server.address}/livez`)).status).toBe(200);
  const ready = await fetch(`${server.address}/readyz`);
  expect(ready.status).toBe(200);
  const named = (what: string) => ({ name: expect.stringContaining(`embedded ${what} /`), state: 'up' });
  expect(await ready.json()).toMatchObject({ ready: true, dependencies: [named('log'), named('coordination')] });
  const missing = await fetch(`${server.address}/nothing`);
  expect(missing.status).toBe(404);
  expect(missing.headers.get('content-type')).toContain('application/problem+json');
  expect(await server.stop()).toBe(0);
});

test('with parts out of reach it starts, says so once, is not ready, and does not give up', async () => {
  const port = await steadyPort();
  const server = await startServer({
    args: ['--log', `kafka://127.0.0.1:${port}`, '--coordination', `zookeeper://127.0.0.1:${port}`],
    whenListening: true,
  });
  onTestFinished(() => server.kill());
  const ready = await fetch(`${server.address}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({
    ready: false,
    dependencies: [{ state: 'connecting' }, { state: 'connecting' }],
  });
  const published = await fetch(`${server.address}/mainstem.v1.PublishService/Publish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ topic: 'people', events: [{ json: {} }] }),
  });
  expect(published.status).toBe(503);
  expect(await published.json()).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('coordination'),
  });
  expect(await server.stop()).toBe(0);
  const complaints = server.output().match(/"state":"connecting"/g) ?? [];
  expect(complaints).toHaveLength(2);
});
