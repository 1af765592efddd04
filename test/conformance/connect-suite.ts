import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './process-group.js';
import { features, type Tools, work } from './tools.js';

/** A part of the Connect conformance suite, which runs by itself. */
export interface Part {
  readonly name: string;
  /** How many cases it must have, so that none goes missing unnoticed. */
  readonly cases: number;
  /** Options of connectconformance that choose them. */
  readonly choice: readonly string[];
  /** Whether the server's short way for unary calls is on. */
  readonly fastLane: boolean;
}

export interface Count {
  readonly passed: number;
  readonly failed: number;
}

/** A part takes half a minute; the rest is for machines that are busy with other things. A case that hangs costs the suite 20 s. */
const limitMs = 400_000;

/** Runs a part and says what it came to; what is chosen and does not pass has failed. */
export async function runPart({ name, cases, choice, fastLane }: Part, tools: Tools): Promise<Count> {
  const output = join(work, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.out`);
  const server = ['env', `CONFORMANCE_FAST_LANE=${fastLane ? 'on' : 'off'}`, ...tools.server];
  const command = [tools.connectconformance, '--conf', features, '--mode', 'server', '-v', ...choice, '--', ...server];
  const { code, seconds } = await run(command, output, limitMs);

  const text = readFileSync(output, 'utf8');
  const selected = Number(/^Filtered tests to (\d+) test case/m.exec(text)?.[1] ?? 0);
  const passed = Number(/^(\d+) passed, \d+ failed/m.exec(text)?.[1] ?? 0);
  const failed = Math.max(selected, cases) - passed;
  console.log(`conformance, ${name}: ${passed} of ${cases} passed, ${failed} failed (${seconds} s)`);
  const problems = [...text.matchAll(/^FAILED: .*\n.*/gm)].map(([problem]) => problem);
  if (code === undefined) problems.push(`cut after ${seconds} s`);
  else if (code !== 0 && failed === 0) problems.push(`connectconformance ended with ${code}`);
  if (selected !== cases) problems.push(`${selected} cases were chosen, not ${cases}`);
  for (const problem of problems.slice(0, 20)) console.log(`  ${problem}`);
  if (problems.length > 0) console.log(`  everything: ${output}`);
  return { passed, failed: Math.max(failed, problems.length > 0 ? 1 : 0) };
}
