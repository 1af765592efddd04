import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/**
 * A file of the test data that others made, which lies beside the project in `shared/corpora` and is no part of it; undefined where it is not
 * there, as on a clone alone.
 */
export function corpus(name: string): string | undefined {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(folder, 'shared/corpora', name);
    if (existsSync(path)) return path;
  }
  return undefined;
}

/** A text of the JSON parsing test suite. By its name: `y_` must be accepted, `n_` must not, anything else is free. */
export interface ParsingCase {
  readonly name: string;
  readonly text: Buffer;
}

/** The JSON parsing test suite; undefined where it is not there. */
export function parsingSuite(): readonly ParsingCase[] | undefined {
  const archive = corpus('json-parsing.tar.gz');
  if (archive === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'json-parsing-'));
  try {
    execFileSync('tar', ['xzf', archive, '-C', folder]);
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.json'))
      .map((name) => ({ name: basename(name), text: readFileSync(join(folder, name)) }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
