import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = join(import.meta.dirname, '../../.cache');

/** A Python that has some packages, or what is missing for it. */
export type PythonPackages = { readonly python: string } | { readonly missing: string };

/**
 * Makes a virtual environment with these packages once, below `.cache`.
 *
 * @param packages with their exact versions: `httpx-sse==0.4.3`
 */
export async function pythonWith(...packages: readonly string[]): Promise<PythonPackages> {
  const home = join(cache, `python-${createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, 12)}`);
  const python = join(home, 'bin/python');
  if (existsSync(python)) return { python };
  // Under another name until it is complete: scripts in it name the place where they were made, but its python does not care.
  const making = `${home}.${process.pid}`;
  try {
    await mkdir(cache, { recursive: true });
    await run('python3', ['-m', 'venv', making]);
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages];
    await run(join(making, 'bin/python'), install, { timeout: 150_000 });
    await rename(making, home);
    return { python };
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    if (existsSync(python)) return { python };
    return { missing: error instanceof Error ? (error.message.split('\n')[0] ?? 'python3') : String(error) };
  }
}
