import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { steadyPort } from '../support/ports.js';
import { cleanEnvironment, cliPath, startServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const root = join(import.meta.dirname, '../..');

/** A command line that starts a server in a session of its own, whatever processes that makes. */
interface Tree {
  /** The process that was started: npm, a shell, or the server itself. */
  readonly top: ChildProcess;
  /** The server's own process, as its log names it. */
  readonly server: number;
  readonly output: () => string;
  readonly topEnded: Promise<number | NodeJS.Signals>;
  /** Resolves when no process holds the output any more: the whole tree is gone. */
  readonly gone: Promise<unknown>;
}

async function start(command: readonly string[], env: Record<string, string> = {}): Promise<Tree> {
  const [program = '', ...args] = command;
  const top = spawn(program, args, {
    cwd: root,
    detached: true,
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const gone = Promise.all([once(top.stdout, 'close'), once(top.stderr, 'close')]);
  const topEnded = once(top, 'exit').then(([code, signal]) => signal ?? code);
  await new Promise<void>((resolve, reject) => {
    const onText = (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('Mainstem is ready at')) resolve();
    };
    top.stdout.on('data', onText);
    top.stderr.on('data', onText);
    gone.then(() => reject(new Error(`ended before it was ready:\n${output}`))).catch(reject);
  });
  const server = Number(/"pid":(\d+).*"msg":"listening"/.exec(output)?.[1]);
  onTestFinished(() => kill(server));
  return { top, server, output: () => output, topEnded, gone };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

async function dataDirectory(): Promise<string> {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  return directory.path;
}

const server = `${process.execPath} ${cliPath} serve`;
const parentGone = /"because":"the process that started this one is gone: /;
type Signal = 'SIGTERM' | 'SIGKILL' | 'SIGINT' | 'SIGHUP';
interface Way {
  /** `SERVE` stands for `mainstem serve` with its arguments, `ARGS` for those alone. */
  readonly command: readonly string[];
  readonly signal: Signal;
  /** As Ctrl-C in a terminal, or systemd: every process gets the signal. */
  readonly toGroup?: true;
  readonly top: number | NodeJS.Signals;
  readonly because: RegExp;
}
const ways: Record<string, Way> = {
  'npm start': { command: ['npm', 'start', '--', 'ARGS'], signal: 'SIGTERM', top: 0, because: /"SIGTERM"/ },
  'npm start, Ctrl-C': {
    command: ['npm', 'start', '--', 'ARGS'],
    signal: 'SIGINT',
    toGroup: true,
    top: 0,
    because: /"SIGINT"/,
  },
  'npm start, SIGTERM to the whole group, as systemd does': {
    command: ['npm', 'start', '--', 'ARGS'],
    signal: 'SIGTERM',
    toGroup: true,
    top: 0,
    because: /"SIGTERM"/,
  },
  'npm start, npm killed': {
    command: ['npm', 'start', '--', 'ARGS'],
    signal: 'SIGKILL',
    top: 'SIGKILL',
    because: parentGone,
  },
  'npx mainstem serve': {
    command: ['npx', 'mainstem', 'serve', 'ARGS'],
    signal: 'SIGTERM',
    top: 'SIGTERM',
    because: parentGone,
  },
  'npx mainstem serve, npm killed': {
    command: ['npx', 'mainstem', 'serve', 'ARGS'],
    signal: 'SIGKILL',
    top: 'SIGKILL',
    because: parentGone,
  },
  'sh -c': { command: ['sh', '-c', 'SERVE; exit 7'], signal: 'SIGTERM', top: 'SIGTERM', because: parentGone },
  'a shell with job control, its terminal closed': {
    command: ['bash', '-c', 'set -m; SERVE & trap "kill -HUP $!" HUP; wait; wait $!; exit $?'],
    signal: 'SIGHUP',
    top: 0,
    because: /"SIGHUP"/,
  },
  'the server itself': { command: ['SERVE'], signal: 'SIGTERM', top: 0, because: /"SIGTERM"/ },
};

test('under npm, npx and shells, each way to stop ends the server in good order, and frees port and data for the next', async () => {
  const data = await dataDirectory();
  const port = await steadyPort();
  const args = ['--port', String(port), '--log', `embedded:${data}`];
  for (const [name, { command, signal, toGroup, top, because }] of Object.entries(ways)) {
    const line = command.flatMap((word) => {
      if (word === 'ARGS') return args;
      if (word === 'SERVE') return [...server.split(' '), ...args];
      return word.replace('SERVE', `${server} ${args.join(' ')}`);
    });
    const tree = await start(line);
    process.kill(toGroup ? -(tree.top.pid ?? 0) : (tree.top.pid ?? 0), signal);
    const ended = await tree.topEnded;
    await tree.gone;
    expect({ name, ended }).toEqual({ name, ended: top });
    expect(tree.output(), name).toMatch(because);
    expect(tree.output(), name).toContain('"stopped"');
  }
}, 120_000);

test('as PID 1 it stops at SIGTERM, and as a child of npm that is PID 1', async () => {
  if (spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status !== 0)
    return console.warn('\n!!! SKIPPED: no PID namespace can be made here\n');
  const args = ['--port', '0', '--log', `embedded:${await dataDirectory()}`];
  for (const inside of [
    [process.execPath, cliPath, 'serve', ...args],
    ['npm', 'start', '--', ...args],
  ]) {
    // Without --kill-child nothing outside ends what is inside; unshare itself is sent no signal.
    const tree = await start(['unshare', '--pid', '--fork', '--mount-proc', ...inside]);
    const [first] = spawnSync('pgrep', ['-P', String(tree.top.pid)], { encoding: 'utf8' }).stdout.split('\n');
    onTestFinished(() => kill(Number(first)));
    process.kill(Number(first), 'SIGTERM');
    expect(await tree.topEnded).toBe(0);
    await tree.gone;
    expect(tree.output()).toContain('"stopped"');
  }
}, 60_000);

test('a server that was started to outlive its shell does', async () => {
  const serve = async () => `${server} --port 0 --log embedded:${await dataDirectory()}`;
  const daemons = [
    ['sh', '-c', `${await serve()} & sleep 1000`],
    ['sh', '-c', `setsid ${await serve()}; true`],
    ['bash', '-c', `nohup ${await serve()}; true`],
    ['bash', '-c', `set -m; ${await serve()} & sleep 1000`],
  ];
  const trees = await Promise.all(daemons.map((command) => start(command)));
  for (const { top, topEnded } of trees) {
    top.kill('SIGKILL');
    await topEnded;
  }
  // Four looks of a server that does watch its shell: it is gone, and the others are not.
  const watched = await start(['sh', '-c', `${await serve()}; true`]);
  watched.top.kill('SIGKILL');
  await watched.gone;
  const nohup = trees[2]?.server ?? 0;
  process.kill(nohup, 'SIGHUP');
  for (const tree of trees) {
    const address = /"address":"([^"]+)"/.exec(tree.output())?.[1];
    expect((await fetch(`${address}/readyz`)).status).toBe(200);
    process.kill(tree.server, 'SIGTERM');
  }
}, 60_000);

test('a command under a shell that is killed ends, too', async () => {
  const bus = await startServer({ args: ['--log', `embedded:${await dataDirectory()}`] });
  onTestFinished(() => bus.kill());
  await fetch(`${bus.address}/v1/topics/people/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"firstName":"Ada","lastName":"Lovelace","age":36}',
  });
  const command = `${process.execPath} ${cliPath} --address ${bus.address} tail people --from earliest; true`;
  const tail = spawn('sh', ['-c', command], { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'ignore'] });
  await once(tail.stdout, 'data');
  const gone = once(tail.stdout, 'close');
  tail.kill('SIGKILL');
  await gone;
});
