import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Row } from '../row.js';
import type { Machine } from './machine.js';

/** A run as it is kept: what a later one is compared to. */
export interface Run {
  readonly format: 1;
  readonly command: string;
  readonly began: string;
  readonly machine: Machine;
  readonly rows: readonly Row[];
}

export function saveRun(file: string, run: Run): void {
  writeFileSync(file, `${JSON.stringify(run, null, 2)}\n`);
}

/** Throws where the file is none of ours. */
export function loadRun(file: string): Run {
  // Checked below as far as it matters: the bench wrote it.
  const run = JSON.parse(readFileSync(file, 'utf8')) as Run;
  if (run.format !== 1 || !Array.isArray(run.rows)) throw new Error(`${file} is not a run of this bench`);
  return run;
}

/** The rows of a run, with those of an earlier one that it did not measure again. */
export function mergeRun(file: string, run: Run): Run {
  if (!existsSync(file)) return run;
  const cells = new Set(run.rows.map(({ cell, pair }) => `${cell} ${pair}`));
  const kept = loadRun(file).rows.filter(({ cell, pair }) => !cells.has(`${cell} ${pair}`));
  return { ...run, rows: [...kept, ...run.rows] };
}
