import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ensureJars } from '../cluster/jars.js';

const root = join(import.meta.dirname, '../..');
const cache = join(root, '.cache');
const contract = join(root, 'proto/mainstem/v1');

const run = async (program: string, parameters: readonly string[], env: NodeJS.ProcessEnv = {}) => {
  const path = [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  const options = { cwd: root, env: { ...process.env, PATH: path, ...env }, maxBuffer: 1 << 26 };
  return (await promisify(execFile)(program, parameters, options)).stdout;
};

const goPlugins = [
  'google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12',
  'google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2',
  'connectrpc.com/connect/cmd/protoc-gen-connect-go@v1.21.1',
];

/** Code in Go of the contract as it is now, and the program in `go-client` that uses it. Made where it is not there yet. */
export async function goClient(): Promise<string> {
  const bin = join(cache, 'go-bin', `plugins-${keyOf(goPlugins)}`);
  for (const plugin of goPlugins) {
    const name = plugin.replace(/.*\/(.*)@.*/, '$1');
    if (!existsSync(join(bin, name))) await run('go', ['install', plugin], { GOBIN: bin });
  }
  const source = join(import.meta.dirname, 'go-client');
  const sources = readdirSync(source).map((name) => readFileSync(join(source, name)));
  const folder = await once(`go-client-${keyOf([...goPlugins, ...contractTexts(), ...sources])}`, async (scratch) => {
    const plugins = ['protoc-gen-go', 'protoc-gen-go-grpc', 'protoc-gen-connect-go'].map((name) => {
      return { local: join(bin, name), out: 'gen', opt: ['module=mainstem.dev/gen'] };
    });
    await generate(scratch, plugins);
    await writeFile(join(scratch, 'gen/go.mod'), 'module mainstem.dev/gen\n\ngo 1.26.0\n');
    const workspace = `go 1.26.0\n\nuse (\n\t./gen\n\t${source}\n)\n`;
    await writeFile(join(scratch, 'go.work'), workspace);
    await run('go', ['build', '-C', source, '-o', join(scratch, 'client'), '.'], { GOWORK: join(scratch, 'go.work') });
  });
  return join(folder, 'client');
}

const protobufJava = '4.32.1';
const protocPlatform = `${process.platform === 'darwin' ? 'osx' : 'linux'}-${process.arch === 'arm64' ? 'aarch_64' : 'x86_64'}`;

/** The classes that Java code of the contract compiles to: names with their packages. Made where they are not there yet. */
export async function javaClasses(): Promise<string[]> {
  const jars = await ensureJars({
    name: `protobuf-java-${protobufJava}`,
    artifacts: [
      `com.google.protobuf:protobuf-java:${protobufJava}`,
      `com.google.protobuf:protoc:${protobufJava}:exe:${protocPlatform}`,
    ],
  });
  const protoc = join(jars, `protoc-${protobufJava}-${protocPlatform}.exe`);
  chmodSync(protoc, 0o755);
  const folder = await once(`java-classes-${keyOf([protobufJava, ...contractTexts()])}`, async (scratch) => {
    await generate(scratch, [{ protoc_builtin: 'java', protoc_path: protoc, out: 'gen' }]);
    const files = readdirSync(join(scratch, 'gen'), { recursive: true, encoding: 'utf8' });
    const sources = files.filter((name) => name.endsWith('.java')).map((name) => join(scratch, 'gen', name));
    const classPath = join(jars, `protobuf-java-${protobufJava}.jar`);
    await run('javac', ['-nowarn', '-cp', classPath, '-d', join(scratch, 'classes'), ...sources]);
  });
  const files = readdirSync(join(folder, 'classes'), { recursive: true, encoding: 'utf8' });
  return files.filter((name) => name.endsWith('.class')).map((name) => name.slice(0, -6).replaceAll('/', '.'));
}

async function generate(folder: string, plugins: readonly object[]): Promise<void> {
  const template = JSON.stringify({ version: 'v2', plugins });
  await run('buf', ['generate', '--template', template, '--path', 'proto/mainstem', '-o', folder]);
}

function contractTexts(): Buffer[] {
  return readdirSync(contract).map((name) => readFileSync(join(contract, name)));
}

function keyOf(parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 12);
}

/** A folder below `.cache/generated` that appears complete or not at all. */
async function once(name: string, make: (scratch: string) => Promise<void>): Promise<string> {
  const all = join(cache, 'generated');
  const folder = join(all, name);
  if (existsSync(folder)) return folder;
  await mkdir(all, { recursive: true });
  const scratch = await mkdtemp(join(all, '.making-'));
  try {
    await make(scratch);
    await rename(scratch, folder).catch((error: unknown) => {
      // Another process was faster.
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return folder;
}
