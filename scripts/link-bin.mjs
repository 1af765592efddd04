// Makes `npx mainstem` find this checkout's own command: npm links the bins of dependencies, never the root's.
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';

const link = new URL('../node_modules/.bin/mainstem', import.meta.url);
mkdirSync(new URL('.', link), { recursive: true });
rmSync(link, { force: true });
symlinkSync('../../bin/mainstem.js', link);
