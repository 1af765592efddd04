// `npm start`: installs what is missing, builds what has changed, and serves, all in this process. Arguments after `--` go to
// `mainstem serve`.
import { fileURLToPath } from 'node:url';

const parent = process.ppid;
await import(new URL('prepare.mjs', import.meta.url).href);
// The command notices when npm goes; while we installed and built nobody looked.
if (process.env.npm_lifecycle_event === 'start' && process.ppid !== parent) process.exit(143);
const command = new URL('../bin/mainstem.js', import.meta.url);
process.argv = [process.execPath, fileURLToPath(command), 'serve', ...process.argv.slice(2)];
await import(command.href);
