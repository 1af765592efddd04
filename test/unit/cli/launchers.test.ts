import { expect, test } from 'vitest';
import { launchersOf } from '../../../src/cli/process/launchers.js';

/** A chain of processes, this one (1000) first, each the child of the next; all in one group and session unless told. */
function chain(...lines: readonly (readonly string[])[]) {
  return (pid: number) => {
    const args = lines[1000 - pid];
    return args && { parent: pid - 1, group: 7, session: 7, args };
  };
}
const self = ['node', 'mainstem', 'serve'];
const found = (...above: readonly (readonly string[])[]) =>
  launchersOf(1000, chain(self, ...above)).map(({ title }) => title);

test('npm, its shell, and shells with a command are waiting; the first process that is none of them ends the chain', () => {
  expect(found(['sh', '-c', "'mainstem' serve"], ['npm exec mainstem serve --log embedded:/a/data'], ['bash'])).toEqual(
    ["sh -c 'mainstem' serve", 'npm exec mainstem serve --log embedded:/a/data'],
  );
  expect(found(['node', '/usr/lib/node_modules/npm/bin/npm-cli.js', 'start'])).toHaveLength(1);
  expect(found(['/usr/bin/node', '/usr/bin/yarn', 'start'])).toHaveLength(1);
  expect(found(['node', '/x/.yarn/releases/yarn-4.1.0.cjs', 'start'])).toHaveLength(1);
  expect(found(['/bin/busybox', 'sh', '-c', 'mainstem serve'])).toHaveLength(1);
  expect(found(['bash', '-eo', 'pipefail', '-c', 'x'])).toHaveLength(0);
  expect(found(['/bin/sh', '-ec', 'a && mainstem serve 2>&1 | tee log'])).toHaveLength(1);
  expect(found(['sh', '-c', "mainstem serve --log 'kafka://a?b&c'"])).toHaveLength(1);
});

test('an interactive shell, a script, a supervisor, and a command that detaches are not', () => {
  expect(found(['-bash'])).toEqual([]);
  expect(found(['sh', 'run.sh', '-c', 'mainstem serve'])).toEqual([]);
  expect(found(['node', 'supervisor.js'])).toEqual([]);
  expect(found(['python3', '-c', 'import subprocess'])).toEqual([]);
  for (const command of [
    'mainstem serve &',
    'mainstem serve >log 2>&1 &',
    'mainstem serve & wait',
    'nohup mainstem serve',
    'x; setsid mainstem serve',
  ])
    expect(found(['sh', '-c', command])).toEqual([]);
});

test('a process group or a session of its own means that the command was meant to go on alone', () => {
  const read = chain(self, ['sh', '-c', 'mainstem serve']);
  expect(launchersOf(1000, read)).toHaveLength(1);
  const apart = (own: object) => (pid: number) => {
    const facts = read(pid);
    return facts && { ...facts, ...(pid === 1000 && own) };
  };
  expect(launchersOf(1000, apart({ group: 1000 }))).toEqual([]);
  expect(launchersOf(1000, apart({ session: 1000 }))).toEqual([]);
  expect(launchersOf(1000, () => undefined)).toEqual([]);
});
