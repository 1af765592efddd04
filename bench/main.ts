import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { build } from './build.js';
import { cells } from './cells/index.js';
import { type Options, readOptions, usage } from './options.js';
import { pin } from './process/cpu.js';
import { describeMachine } from './report/machine.js';
import { markdown } from './report/markdown.js';
import { loadRun, mergeRun, type Run, saveRun } from './report/run.js';
import type { Row } from './row.js';
import { openCluster, openStage, otherCore, type Pair } from './stage.js';

const resultsFile = join(import.meta.dirname, 'RESULTS.md');
/** The figures behind RESULTS.md. */
const resultsData = join(import.meta.dirname, 'results.json');
const marks = { start: '<!-- table: written by npm run bench -- --write -->', end: '<!-- end of table -->' };

/** Hands over each cell's rows as they come: a run that is cut keeps what it has. */
async function runPair(pair: Pair, options: Options, failed: string[], found: (rows: Row[]) => void): Promise<void> {
  const chosen = cells.filter(({ name, pairs }) => options.cells.includes(name) && (pairs?.includes(pair) ?? true));
  const cluster = pair === 'cluster' && chosen.length > 0 ? await openCluster() : undefined;
  try {
    for (const cell of chosen) {
      const profiles = options.profile && join(resolve(options.profile), `${pair}-${cell.name}`);
      if (profiles) mkdirSync(profiles, { recursive: true });
      const stage = await openStage(pair, cluster, profiles);
      const begun = performance.now();
      try {
        const { rounds, seconds } = options;
        const rows = await cell.run(stage, { rounds, sliceMs: (seconds * 1000) / rounds });
        found(rows);
        const took = Math.round((performance.now() - begun) / 1000);
        for (const { variant, measure, value } of rows) {
          console.error(
            `${pair} ${cell.name}, ${variant}: ${measure} ${value.median.toFixed(2)} (${value.low.toFixed(2)} – ${value.high.toFixed(2)})`,
          );
        }
        console.error(`${pair} ${cell.name} took ${took} s`);
      } catch (error) {
        // The other cells are worth having; the exit code tells.
        failed.push(`${pair} ${cell.name}: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
        console.error(`${pair} ${cell.name} FAILED: ${failed.at(-1)}`);
      } finally {
        await stage.dispose();
      }
    }
  } finally {
    await cluster?.stop();
  }
}

/** Replaces what stands between the marks. */
function writeResults(run: Run): void {
  const text = readFileSync(resultsFile, 'utf8');
  const start = text.indexOf(marks.start);
  const end = text.indexOf(marks.end);
  if (start < 0 || end < start) throw new Error(`${resultsFile} lacks the marks ${marks.start} and ${marks.end}`);
  writeFileSync(resultsFile, `${text.slice(0, start + marks.start.length)}\n\n${markdown(run)}\n${text.slice(end)}`);
}

async function main(options: Options): Promise<void> {
  const load = loadavg()
    .map((value) => value.toFixed(1))
    .join(', ');
  build();
  // Children inherit it: brokers and load share this core, and what is measured is put on the other.
  pin(process.pid, otherCore);
  const failed: string[] = [];
  const rows: Row[] = [];
  const began = new Date().toISOString();
  const command = ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ');
  const run: Run = { format: 1, command, began, machine: describeMachine(load), rows };
  mkdirSync(dirname(resolve(options.output)), { recursive: true });
  const keep = (more: readonly Row[]) => {
    rows.push(...more);
    saveRun(options.output, run);
    if (!options.write) return;
    const merged = mergeRun(resultsData, run);
    saveRun(resultsData, merged);
    writeResults(merged);
  };
  for (const pair of options.pairs) await runPair(pair, options, failed, keep);
  console.log(markdown(run, options.compare === undefined ? undefined : loadRun(options.compare)));
  for (const each of failed) console.error(`FAILED ${each}`);
  if (failed.length > 0) process.exitCode = 1;
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') console.log(usage);
  else await main(options);
} catch (error) {
  console.error(error instanceof TypeError ? `${error.message}\n\n${usage}` : error);
  process.exitCode = 2;
}
