import { parseArgs } from 'node:util';
import { createRandom } from '../support/random.js';
import { describeFigures } from './figures.js';
import { keepHistory } from './keep-history.js';
import { nemeses } from './nemeses.js';
import { runRound } from './round.js';
import { startStand } from './stand.js';
import type { Pair, Stand } from './stand-parts.js';

// `npm run faults -- --minutes N --seed S [--nemesis NAME ...] [--pair embedded|cluster|ensemble] [--kafka-client NAME]`: rounds of all nemeses, in an order that the
// seed decides, until the time is up (each at least once where it suffices). Exits with 1 if a promise was broken.
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    nemesis: { type: 'string', multiple: true, default: [] },
    pair: { type: 'string' },
    'kafka-client': { type: 'string' },
    short: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const pairs = (['embedded', 'cluster', 'ensemble'] as const).filter(
  (pair) => values.pair === undefined || values.pair === pair,
);
const chosen = nemeses.filter(({ name }) => values.nemesis.length === 0 || values.nemesis.includes(name));
if (!(minutes > 0) || !Number.isSafeInteger(seed) || pairs.length === 0 || chosen.length === 0) {
  console.error(
    'usage: npm run faults -- --minutes N --seed S [--nemesis NAME ...] [--pair embedded|cluster|ensemble] [--kafka-client NAME] [--short]',
  );
  console.error(`nemeses: ${nemeses.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
const now = () => performance.now();
const end = now() + minutes * 60_000;
const stands = new Map<Pair, Promise<Stand>>();
const random = createRandom(seed);
let rounds = 0;
let failed = 0;
console.log(`seed ${seed}, ${minutes} minutes`);
try {
  while (now() < end && !interrupted.signal.aborted) {
    const rota = random.shuffle(
      pairs.flatMap((pair) => chosen.filter((one) => one.pairs.includes(pair)).map((nemesis) => ({ pair, nemesis }))),
    );
    if (rota.length === 0) throw new Error(`${values.nemesis.join(', ')}: not for ${values.pair}`);
    for (const { pair, nemesis } of rota) {
      const roundSeed = random.between(0, 2 ** 31);
      if (now() >= end || interrupted.signal.aborted) break;
      const starting = stands.get(pair) ?? startStand(pair, now, values['kafka-client']);
      stands.set(pair, starting);
      const stand = await starting;
      const length = values.short ? 'short' : 'long';
      const result = await runRound({ stand, nemesis, seed: roundSeed, length });
      rounds++;
      console.log(`${pair} ${nemesis.name} (${roundSeed}): ${describeFigures(result.figures)}`);
      if (result.violations.length === 0) continue;
      failed++;
      for (const { rule, what } of result.violations) console.log(`  VIOLATION ${rule}: ${what}`);
      console.log(`  kept in ${await keepHistory(result, stand)}`);
    }
  }
} finally {
  for (const stand of stands.values()) await (await stand).stop();
}
console.log(`${rounds} rounds, ${failed} with violations; seed ${seed}`);
process.exitCode = failed > 0 ? 1 : 0;
