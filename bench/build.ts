import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const output = join(root, '.cache/bench/build');

/** Compiles the product and the bench's child processes into a folder of their own: what is measured runs built JavaScript, never a loader. */
export function build(): void {
  mkdirSync(output, { recursive: true });
  execFileSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'bench/tsconfig.json')],
    {
      stdio: 'inherit',
    },
  );
  // The command line reads its version from here; it also says that the folder holds ES modules.
  copyFileSync(join(root, 'package.json'), join(output, 'package.json'));
}

/** The built form of a file below `bench/`, such as `load/main`. */
export const builtFile = (name: string): string => join(output, 'bench', `${name}.js`);
