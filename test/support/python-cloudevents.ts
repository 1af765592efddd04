import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type PythonPackages, pythonWith } from './python-packages.js';

const run = promisify(execFile);

export const pythonCloudEvents = (): Promise<PythonPackages> => pythonWith('cloudevents==2.2.0');

/** What the SDK sent, in this order. */
export interface SentEvent {
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: unknown;
}

export async function publishFromPython({ python }: { readonly python: string }, url: string): Promise<SentEvent[]> {
  const { stdout } = await run(python, [join(import.meta.dirname, 'publish-cloudevents.py'), url], { timeout: 30_000 });
  return JSON.parse(stdout);
}
