import { parseArgs } from 'node:util';
import { describe } from './history.js';
import { planOf } from './plan.js';
import { simulate } from './simulate.js';

// `npm run simulate -- --seed N` runs one seed and shows its history; `--from N --seeds M` runs many and shows what is wrong.
// Exits with 1 if a promise was broken.
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1000' },
  },
});

if (values.seed !== undefined) {
  const seed = Number(values.seed);
  const { history, violations, took, steps } = await simulate(seed);
  console.log(JSON.stringify(planOf(seed)));
  const marks = new Map(violations.map(({ at, rule, what }) => [at, `${rule}: ${what}`]));
  for (const happening of history) {
    console.log(describe(happening));
    const mark = marks.get(happening.at);
    if (mark) console.log(`>>>>>>>>>>>>>  ${mark}`);
    marks.delete(happening.at);
  }
  for (const { at, rule, what } of violations) console.log(`VIOLATION ${rule} at ${at} ms: ${what}`);
  console.log(
    `seed ${seed}: ${violations.length} violations, ${Math.round(took / 1000)} s of virtual time, ${steps} steps`,
  );
  process.exitCode = violations.length > 0 ? 1 : 0;
} else {
  const from = Number(values.from);
  const count = Number(values.seeds);
  const started = process.cpuUsage();
  let failed = 0;
  let happenings = 0;
  let steps = 0;
  for (let seed = from; seed < from + count; seed++) {
    const outcome = await simulate(seed);
    happenings += outcome.history.length;
    steps += outcome.steps;
    if (outcome.violations.length === 0) continue;
    failed++;
    const [first] = outcome.violations;
    console.log(
      `seed ${seed}: ${outcome.violations.length} violations; ${first?.rule} at ${first?.at} ms: ${first?.what}`,
    );
  }
  const spent = process.cpuUsage(started);
  const seconds = (spent.user + spent.system) / 1e6;
  console.log(
    `${count} seeds in ${seconds.toFixed(1)} s of CPU (${(count / seconds).toFixed(1)}/s), ${happenings} happenings, ${steps} steps; ${failed} with violations`,
  );
  process.exitCode = failed > 0 ? 1 : 0;
}
