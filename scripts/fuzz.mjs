// Runs the fuzz suite for longer, or once more: npm run fuzz -- [--minutes N] [--seed S]
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } } });
const seconds = Number(values.minutes) * 60;
if (!(seconds > 0) || (values.seed !== undefined && !/^-?\d+$/.test(values.seed))) {
  console.error('usage: npm run fuzz -- [--minutes N] [--seed S]     N: a positive number; S: a whole number');
  process.exit(2);
}
const env = {
  ...process.env,
  FUZZ_SECONDS: String(seconds),
  ...(values.seed === undefined ? {} : { FUZZ_SEED: values.seed }),
};
const { status } = spawnSync('npx', ['vitest', 'run', 'test/fuzz'], { stdio: 'inherit', env });
process.exit(status ?? 1);
