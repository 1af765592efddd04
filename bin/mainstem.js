#!/usr/bin/env node
import { existsSync } from 'node:fs';

// The kernel drops signals to PID 1, as in a container, that have no handler: until the command sets its own, they end this process,
// as they would end any other.
if (process.pid === 1) {
  process.once('SIGHUP', () => process.exit(129));
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}

const entry = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(entry)) {
  const { main } = await import(entry.href);
  await main();
} else {
  console.error('error: mainstem is not built yet: run `npm start` (installs, builds and serves) or `npm run build`');
  process.exitCode = 3;
}
