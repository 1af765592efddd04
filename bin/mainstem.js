#!/usr/bin/env node
import { existsSync } from 'node:fs';

const entry = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(entry)) {
  const { main } = await import(entry.href);
  await main();
} else {
  console.error('error: mainstem is not built yet: run `npm start` (installs, builds and serves) or `npm run build`');
  process.exitCode = 3;
}
