import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version of the conformance suite. */
export const suiteVersion = 'v1.0.5';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');
const bin = join(root, '.cache/go-bin');

/** Where a run leaves what it made and what the tools said. */
export const work = join(root, '.cache/conformance');
/** What of the suite applies to the product. */
export const features = join(here, 'features.yaml');

export interface Tools {
  readonly connectconformance: string;
  readonly h2spec: string;
  /** Starts the server under test, which speaks the suite's protocol on stdin and stdout. */
  readonly server: readonly string[];
  readonly descriptors: string;
}

/** Makes what is missing, which takes minutes and the Go module proxy the first time. Throws where it cannot. */
export function prepareTools(): Tools {
  mkdirSync(work, { recursive: true });
  const descriptors = join(work, `suite-${suiteVersion}.binpb`);
  if (!existsSync(descriptors)) {
    const { Dir } = JSON.parse(run('go', ['mod', 'download', '-json', `connectrpc.com/conformance@${suiteVersion}`]));
    run('buf', ['build', join(Dir, 'proto'), '-o', descriptors]);
  }
  return {
    connectconformance: connectconformance(),
    h2spec: h2spec(),
    server: [process.execPath, builtServer(), descriptors],
    descriptors,
  };
}

function connectconformance(): string {
  const file = join(bin, 'connectconformance');
  const current = existsSync(file) && run(file, ['--version']).includes(suiteVersion);
  if (!current) run('go', ['install', `connectrpc.com/conformance/cmd/connectconformance@${suiteVersion}`]);
  return file;
}

/** From a module of its own: h2spec names no versions of what it needs. */
function h2spec(): string {
  const folder = join(here, 'h2spec');
  const file = join(bin, 'h2spec-2.2.1');
  if (!existsSync(file)) run('go', ['build', '-C', folder, '-o', file, 'github.com/summerwind/h2spec/cmd/h2spec']);
  return file;
}

/** Compiled once: the suite starts the server 16 times, and sources may change meanwhile. */
function builtServer(): string {
  const { outDir } = JSON.parse(readFileSync(join(here, 'tsconfig.json'), 'utf8')).compilerOptions;
  const build = resolve(here, outDir);
  rmSync(build, { recursive: true, force: true });
  run('tsc', ['-p', join(here, 'tsconfig.json')]);
  return join(build, 'test/conformance/server.js');
}

function run(program: string, parameters: readonly string[]): string {
  const path = [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter);
  return execFileSync(program, parameters, {
    cwd: root,
    env: { ...process.env, PATH: path, GOBIN: bin },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  });
}
