// Installs what is missing and builds what has changed: before `npm start` and `npm test`, also on a fresh clone. Uses nothing
// but Node, since there may be nothing else yet. With --dev all development tools count, not only what the build needs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(root, ...parts);
const manifest = JSON.parse(readFileSync(at('package.json'), 'utf8'));

requireNode(manifest.engines.node);
if (missingPackages().length > 0) await install();
const sources = fingerprint();
const stamp = at('dist', '.built');
if (!existsSync(stamp) || !existsSync(at('dist', 'cli', 'main.js')) || readFileSync(stamp, 'utf8') !== sources)
  await build();

function requireNode(range) {
  const [major, minor] = range
    .replace(/[^\d.]/g, '')
    .split('.')
    .map(Number);
  const [hasMajor, hasMinor] = process.versions.node.split('.').map(Number);
  if (hasMajor > major || (hasMajor === major && hasMinor >= minor)) return;
  fail(
    `mainstem needs Node ${range}, and this is ${process.versions.node} (${process.execPath}): install a newer Node`,
  );
}

/** What `package.json` asks for and is not there in that version. */
function missingPackages() {
  const needed = { ...manifest.dependencies };
  for (const [name, version] of Object.entries(manifest.devDependencies ?? {})) {
    if (process.argv.includes('--dev') || name === 'typescript' || name.startsWith('@types/')) needed[name] = version;
  }
  return Object.keys(needed).filter((name) => {
    const file = at('node_modules', name, 'package.json');
    // An alias is `npm:<package>@<version>`.
    const version = needed[name].replace(/^npm:.*@/, '');
    return !existsSync(file) || JSON.parse(readFileSync(file, 'utf8')).version !== version;
  });
}

async function install() {
  say(`installing ${missingPackages().length} missing packages`);
  const args = ['install', '--no-audit', '--no-fund', '--include=dev'];
  // Under `npm start` the very npm that runs is known; else the one on the path.
  const npm = process.env.npm_execpath;
  const done = npm?.endsWith('.js')
    ? await run(process.execPath, [npm, ...args])
    : await run('npm', args, process.platform === 'win32');
  if (!done) fail('npm install failed: see above. Is the package registry reachable?');
  const missing = missingPackages();
  if (missing.length > 0) fail(`npm install has not installed ${missing.join(', ')}`);
}

async function build() {
  say('building');
  // Without its output the compiler's record of what it has built is worthless.
  if (!existsSync(at('dist', 'cli', 'main.js'))) rmSync(at('dist', '.tsbuildinfo'), { force: true });
  rmSync(stamp, { force: true });
  if (
    !(await run(process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', at('tsconfig.build.json')]))
  ) {
    fail('the build failed: see above');
  }
  writeFileSync(stamp, sources);
}

/** Changes with any source file: count, newest change, and size of all. */
function fingerprint() {
  const files = ['package.json', 'tsconfig.json', 'tsconfig.build.json'].map((name) => at(name));
  for (const entry of readdirSync(at('src'), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) files.push(join(entry.parentPath ?? entry.path, entry.name));
  }
  let newest = 0;
  let bytes = 0;
  for (const file of files) {
    const { mtimeMs, size } = statSync(file);
    newest = Math.max(newest, mtimeMs);
    bytes += size;
  }
  return `${files.length} ${newest} ${bytes}`;
}

/**
 * Runs with this terminal; its output goes to stderr, so that stdout stays the command's own. A signal that asks this process to stop
 * is passed on, and ends both: npm passes it to this process alone.
 */
async function run(command, args, shell = false) {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell });
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
  let stopped;
  const stop = (signal) => {
    stopped = signal;
    child.kill(signal);
  };
  for (const signal of Object.keys(numbers)) process.on(signal, stop);
  try {
    const [status, signal] = await once(child, 'exit');
    stopped ??= signal;
    if (stopped) process.exit(128 + (numbers[stopped] ?? 9));
    return status === 0;
  } catch (error) {
    say(error.message);
    return false;
  } finally {
    for (const signal of Object.keys(numbers)) process.off(signal, stop);
  }
}

function say(text) {
  console.error(`mainstem: ${text}`);
}

function fail(text) {
  console.error(`error: ${text}`);
  process.exit(3);
}
