import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { type Io, isTty, note, writeOut } from './io.js';
import { safeText } from './safe-text.js';
import { ExitWith, UsageError } from './usage-error.js';

export interface OutputOptions {
  readonly output: 'text' | 'json';
}

export function print(io: Pick<Io, 'stdout'>, text: string): Promise<void> {
  return writeOut(io.stdout, `${text}\n`);
}

/** A value as JSON for machines. */
export function printJson(io: Pick<Io, 'stdout'>, value: unknown): Promise<void> {
  return print(io, JSON.stringify(value, null, 2));
}

/** A text file that the command line names; `-` is stdin. */
export async function readText(io: Pick<Io, 'cwd' | 'stdin'>, file: string): Promise<string> {
  try {
    if (file !== '-') return readFileSync(resolve(io.cwd, file), 'utf8');
    const chunks: Buffer[] = [];
    for await (const chunk of io.stdin) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString();
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Goes on only after a person has typed the name. Throws a UsageError where nobody can be asked, ExitWith where the answer is another. */
export async function confirm(io: Io, name: string, consequence: string): Promise<void> {
  if (!isTty(io.stdin)) throw new UsageError(`this ${consequence}: say --yes to do it`);
  const prompt = createInterface({ input: io.stdin, output: io.stderr });
  try {
    const question = `This ${safeText(consequence)}. Its name, to go on: `;
    if ((await prompt.question(question, { signal: io.interrupted })).trim() === name) return;
  } finally {
    prompt.close();
  }
  note(io, 'nothing was done');
  throw new ExitWith(1);
}
