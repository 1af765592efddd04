import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const version = '2.2.0';
const root = join(import.meta.dirname, '../..');
const home = join(root, '.cache', `python-cloudevents-${version}`);

/** A Python that has the CloudEvents SDK, or what is missing for it. */
export type PythonSdk = { readonly python: string } | { readonly missing: string };

/** Makes a virtual environment with the SDK once, below `.cache`. */
export async function pythonCloudEvents(): Promise<PythonSdk> {
  const python = join(home, 'bin/python');
  if (existsSync(python)) return { python };
  // Under another name until it is complete: scripts in it name the place where they were made, but its python does not care.
  const making = `${home}.${process.pid}`;
  try {
    await mkdir(join(root, '.cache'), { recursive: true });
    await run('python3', ['-m', 'venv', making]);
    await run(
      join(making, 'bin/python'),
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `cloudevents==${version}`],
      {
        timeout: 50_000,
      },
    );
    await rename(making, home);
    return { python };
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    if (existsSync(python)) return { python };
    return { missing: error instanceof Error ? (error.message.split('\n')[0] ?? 'python3') : String(error) };
  }
}

/** What the SDK sent, in this order. */
export interface SentEvent {
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: unknown;
}

export async function publishFromPython({ python }: { readonly python: string }, url: string): Promise<SentEvent[]> {
  const { stdout } = await run(python, [join(import.meta.dirname, 'publish-cloudevents.py'), url], { timeout: 30_000 });
  return JSON.parse(stdout);
}
