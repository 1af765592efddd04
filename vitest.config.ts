import { defineConfig } from 'vitest/config';
import LongestFirst from './test/longest-first.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/cluster/global-setup.ts'],
    sequence: { sequencer: LongestFirst },
    // Real servers, native modules and process-wide state: a process per file. One more than a small machine has cores, since many tests wait more than they compute.
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
    // A test that needs a second try has found something.
    retry: 0,
    reporters: ['default'],
    passWithNoTests: false,
  },
});
