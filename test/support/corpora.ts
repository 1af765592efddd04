import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

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
